variable "hub_role_arn" {
  type        = string
  description = "The role that assumes this one: rolewarden's own, or the last of access.via."

  validation {
    condition     = can(regex("^arn:aws[a-z0-9-]*:iam::[0-9]{12}:role/.+$", var.hub_role_arn))
    error_message = "Expected the ARN of a role, such as arn:aws:iam::111122223333:role/rolewarden-hub."
  }

  validation {
    condition     = can(regex("^arn:aws[a-z0-9-]*:iam::[0-9]{12}:role/([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64}$", var.hub_role_arn))
    error_message = "Expected the ARN of a role without wildcards, such as arn:aws:iam::111122223333:role/rolewarden-hub."
  }
}

variable "organization_id" {
  type        = string
  default     = ""
  description = "The organization that role must belong to; empty if the accounts are in none."

  validation {
    condition     = can(regex("^(o-[a-z0-9]{10,32})?$", var.organization_id))
    error_message = "Expected the id of an organization, such as o-exampleorgid."
  }

  validation {
    condition     = can(regex("^(o-[a-z0-9]{10,32})?$", var.organization_id))
    error_message = "Expected the id of an organization, such as o-exampleorgid."
  }
}

variable "external_id" {
  type        = string
  default     = ""
  sensitive   = true
  description = "access.external_id of the configuration; empty if there is none."

  validation {
    # The length apart: a regular expression of Terraform repeats 1000 times at most.
    condition = var.external_id == "" || (
      length(var.external_id) >= 2 && length(var.external_id) <= 1224 && can(regex("^[A-Za-z0-9_+=,.@:/-]+$", var.external_id))
    )
    error_message = "Expected 2 to 1224 letters, digits and _+=,.@:/-."
  }
}

variable "session_tags" {
  type        = bool
  default     = false
  description = "true if rolewarden runs with EKS Pod Identity, which tags its sessions."
}

variable "role_name" {
  type        = string
  default     = "rolewarden-scan"
  description = "access.scan_role of the configuration, without its path."

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
