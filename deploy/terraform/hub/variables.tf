variable "role_name" {
  type        = string
  default     = "rolewarden-hub"
  description = "The name of this role."
}

variable "role_path" {
  type        = string
  default     = "/"
  description = "The path of that role."
}

variable "runs_on" {
  type        = string
  default     = "ec2"
  description = "Where rolewarden runs, which is who may give it this role: ec2, ecs, pod-identity or irsa."

  validation {
    condition     = contains(["ec2", "ecs", "pod-identity", "irsa"], var.runs_on)
    error_message = "Expected ec2, ecs, pod-identity or irsa."
  }
}

variable "oidc_provider" {
  type        = string
  default     = ""
  description = "For irsa: the cluster's OIDC issuer, without https://."
}

variable "service_account" {
  type        = string
  default     = "rolewarden:rolewarden"
  description = "For irsa: namespace:name of the pod's service account."
}

variable "session_tags" {
  type        = bool
  default     = false
  description = "true if rolewarden runs with EKS Pod Identity, which tags its sessions."
}

variable "list_accounts" {
  type        = bool
  default     = true
  description = "false with accounts.source: list, or with accounts.organization_role_arn."
}

variable "organizational_units" {
  type        = bool
  default     = false
  description = "true if the configuration names organizational units."
}

variable "tags" {
  type        = bool
  default     = false
  description = "true if the configuration names tags of accounts."
}

variable "scan_role" {
  type        = string
  default     = "rolewarden-scan"
  description = "access.scan_role of the configuration, with its path but no leading slash; empty with access.via."
}

variable "remediate_role" {
  type        = string
  default     = ""
  description = "access.remediate_role, likewise; empty while remediation is off."
}

variable "named_role_arns" {
  type        = list(string)
  default     = []
  description = "Roles entered by their ARN: the first of access.via, accounts.organization_role_arn, those of access.overrides."
}

variable "own_account" {
  type        = string
  default     = "direct"
  description = "access.own_account of the configuration; direct reads this account with this role."

  validation {
    condition     = contains(["direct", "assume"], var.own_account)
    error_message = "Expected direct or assume."
  }
}

variable "target_role_name" {
  type        = string
  default     = "AmazonEKSConnectorAgentRole"
  description = "baseline.role_name of the configuration."
}

variable "read_managed_policies" {
  type        = bool
  default     = true
  description = "false if the check effective-permissions is off."
}

variable "when_connected" {
  type        = bool
  default     = false
  description = "true with baseline.presence: when-connected."
}

variable "service_linked_role" {
  type        = bool
  default     = false
  description = "true with the check or the action for the service-linked role."
}
