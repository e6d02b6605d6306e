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
  default     = "rolewarden-remediate"
  description = "access.remediate_role of the configuration, without its path."

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

variable "target_role_path" {
  type        = string
  default     = "/"
  description = "baseline.path of the configuration."

  validation {
    condition     = can(regex("^/([A-Za-z0-9_+=,.@-]+/)*$", var.target_role_path))
    error_message = "Expected a path that begins and ends with /, of letters, digits and _+=,.@-."
  }
}

variable "create_role" {
  type        = bool
  default     = false
  description = "remediation.actions has create_role."
}

variable "update_trust_policy" {
  type        = bool
  default     = true
  description = "remediation.actions has update_trust_policy."
}

variable "put_inline_policy" {
  type        = bool
  default     = true
  description = "remediation.actions has put_inline_policy."
}

variable "delete_inline_policy" {
  type        = bool
  default     = false
  description = "remediation.actions has delete_inline_policy."
}

variable "detach_managed_policy" {
  type        = bool
  default     = false
  description = "remediation.actions has detach_managed_policy."
}

variable "kept_policies" {
  type        = list(string)
  default     = []
  description = "ARNs of policies that are never detached: those that attached-policies requires or allows."

  validation {
    condition     = alltrue([for arn in var.kept_policies : can(regex("^(arn:aws[a-z0-9-]*:iam::([*]|aws|[0-9]{12}):policy/([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,128})?$", arn))])
    error_message = "Expected ARNs of policies, such as arn:aws:iam::aws:policy/ReadOnlyAccess; * may stand for the account alone."
  }
}

variable "put_permissions_boundary" {
  type        = bool
  default     = false
  description = "remediation.actions has put_permissions_boundary."
}

variable "permissions_boundary_arn" {
  type        = string
  default     = ""
  description = "baseline.permissions_boundary, with * for the account's number; empty if there is none."

  validation {
    condition     = can(regex("^(arn:aws[a-z0-9-]*:iam::([*]|aws|[0-9]{12}):policy/([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,128})?$", var.permissions_boundary_arn))
    error_message = "Expected the ARN of a policy, such as arn:aws:iam::*:policy/Boundary; * may stand for the account alone."
  }
}

variable "required_tags" {
  type        = bool
  default     = false
  description = "true with baseline.required_tags."
}

variable "create_service_linked_role" {
  type        = bool
  default     = false
  description = "remediation.actions has create_service_linked_role."
}

variable "rollback" {
  type        = bool
  default     = true
  description = "Whether rolewarden rollback may undo what was done."
}
