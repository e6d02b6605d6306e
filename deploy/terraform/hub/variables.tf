variable "role_name" {
  type        = string
  default     = "rolewarden-hub"
  description = "The name of this role."

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.role_name))
    error_message = "Expected a role name without a path: 1 to 64 letters, digits and _+=,.@-."
  }
}

variable "role_path" {
  type        = string
  default     = "/"
  description = "The path of that role."

  validation {
    condition     = can(regex("^/([A-Za-z0-9_+=,.@-]+/)*$", var.role_path))
    error_message = "Expected a path that begins and ends with /, of letters, digits and _+=,.@-."
  }
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

  validation {
    condition     = var.oidc_provider == "" || can(regex("^[A-Za-z0-9.-]+(/[A-Za-z0-9._-]+)*$", var.oidc_provider))
    error_message = "Expected an issuer without https://, such as oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE."
  }
}

variable "service_account" {
  type        = string
  default     = "rolewarden:rolewarden"
  description = "For irsa: namespace:name of the pod's service account."

  validation {
    condition     = can(regex("^[a-z0-9.-]+:[a-z0-9.-]+$", var.service_account))
    error_message = "Expected namespace:name, such as rolewarden:rolewarden."
  }
}

variable "session_tags" {
  type        = bool
  default     = false
  description = "true if rolewarden runs with EKS Pod Identity, which tags its sessions."
}

variable "in_organization" {
  type        = bool
  default     = true
  description = "false with accounts.source: list; true lets this role enter accounts of its own organization alone."
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

  validation {
    condition     = can(regex("^(([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64})?$", var.scan_role))
    error_message = "Expected a role name, with its path but no leading slash, such as team/rolewarden-scan."
  }
}

variable "remediate_role" {
  type        = string
  default     = ""
  description = "access.remediate_role, likewise; empty while remediation is off."

  validation {
    condition     = can(regex("^(([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64})?$", var.remediate_role))
    error_message = "Expected a role name, with its path but no leading slash, such as team/rolewarden-remediate."
  }
}

variable "named_role_arns" {
  type        = list(string)
  default     = []
  description = "Roles entered by their ARN: the first of access.via, accounts.organization_role_arn, those of access.overrides."

  validation {
    condition     = alltrue([for arn in var.named_role_arns : can(regex("^(arn:aws[a-z0-9-]*:iam::[0-9]{12}:role/([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64})?$", arn))])
    error_message = "Expected ARNs of roles without wildcards, such as arn:aws:iam::111122223333:role/rolewarden-via."
  }
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

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.target_role_name))
    error_message = "Expected a role name without a path: 1 to 64 letters, digits and _+=,.@-."
  }
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
