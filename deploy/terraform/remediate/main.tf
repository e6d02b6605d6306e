data "aws_partition" "here" {}

locals {
  role = "arn:${data.aws_partition.here.partition}:iam::*:role"

  # The account is trusted and the role named in a condition: a role named as principal would be turned into an id that dies with it.
  hub_root = "arn:${data.aws_partition.here.partition}:iam::${split(":", var.hub_role_arn)[4]}:root"
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "LetTheHubIn"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [local.hub_root]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = [var.hub_role_arn]
    }

    dynamic "condition" {
      for_each = var.organization_id == "" ? [] : [var.organization_id]

      content {
        test     = "StringEquals"
        variable = "aws:PrincipalOrgID"
        values   = [condition.value]
      }
    }

    dynamic "condition" {
      for_each = nonsensitive(var.external_id == "") ? [] : [1]

      content {
        test     = "StringEquals"
        variable = "sts:ExternalId"
        values   = [var.external_id]
      }
    }
  }

  dynamic "statement" {
    for_each = var.session_tags ? [1] : []

    content {
      sid     = "WithItsTags"
      actions = ["sts:TagSession"]

      principals {
        type        = "AWS"
        identifiers = [local.hub_root]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:PrincipalArn"
        values   = [var.hub_role_arn]
      }

      dynamic "condition" {
        for_each = var.organization_id == "" ? [] : [var.organization_id]

        content {
          test     = "StringEquals"
          variable = "aws:PrincipalOrgID"
          values   = [condition.value]
        }
      }
    }
  }
}

locals {
  the_role      = ["${local.role}/${var.target_role_name}", "${local.role}/*/${var.target_role_name}"]
  new_role      = ["${local.role}${var.target_role_path}${var.target_role_name}"]
  has_boundary  = var.permissions_boundary_arn != ""
  puts_boundary = local.has_boundary && var.put_permissions_boundary

  changes = concat(
    var.update_trust_policy ? ["iam:UpdateAssumeRolePolicy"] : [],
    var.put_inline_policy ? ["iam:PutRolePolicy"] : [],
    var.delete_inline_policy ? ["iam:DeleteRolePolicy"] : [],
  )

  # What only a rollback calls.
  undo = concat(
    var.create_role ? ["iam:DeleteRole"] : [],
    var.delete_inline_policy && !var.put_inline_policy ? ["iam:PutRolePolicy"] : [],
    var.put_inline_policy && !var.delete_inline_policy ? ["iam:DeleteRolePolicy"] : [],
    local.puts_boundary ? ["iam:PutRolePermissionsBoundary"] : [],
  )

  # No rollback attaches these: who may attach one of them to a role may do anything in the account.
  never_attached = [
    for name in ["AdministratorAccess", "IAMFullAccess", "PowerUserAccess"] :
    "arn:${data.aws_partition.here.partition}:iam::aws:policy/${name}"
  ]
}

data "aws_iam_policy_document" "policy" {
  dynamic "statement" {
    for_each = var.create_role ? [1] : []

    content {
      sid       = "CreateTheRole"
      actions   = ["iam:CreateRole"]
      resources = local.new_role

      dynamic "condition" {
        for_each = local.has_boundary ? [1] : []

        content {
          test     = "ArnEquals"
          variable = "iam:PermissionsBoundary"
          values   = [var.permissions_boundary_arn]
        }
      }
    }
  }

  dynamic "statement" {
    for_each = var.create_role && var.required_tags ? [1] : []

    content {
      sid       = "TagTheNewRole"
      actions   = ["iam:TagRole"]
      resources = local.new_role
    }
  }

  dynamic "statement" {
    for_each = length(local.changes) > 0 ? [1] : []

    content {
      sid       = "ChangeTheRole"
      actions   = local.changes
      resources = local.the_role
    }
  }

  dynamic "statement" {
    for_each = var.detach_managed_policy ? [1] : []

    content {
      sid       = "DetachPolicies"
      actions   = ["iam:DetachRolePolicy"]
      resources = local.the_role

      dynamic "condition" {
        for_each = length(var.kept_policies) > 0 ? [1] : []

        content {
          test     = "ArnNotEquals"
          variable = "iam:PolicyARN"
          values   = var.kept_policies
        }
      }
    }
  }

  dynamic "statement" {
    for_each = local.puts_boundary ? [1] : []

    content {
      sid       = "PutTheBoundary"
      actions   = ["iam:PutRolePermissionsBoundary"]
      resources = local.the_role

      condition {
        test     = "ArnEquals"
        variable = "iam:PermissionsBoundary"
        values   = [var.permissions_boundary_arn]
      }
    }
  }

  dynamic "statement" {
    for_each = var.create_service_linked_role ? [1] : []

    content {
      sid       = "CreateServiceLinkedRole"
      actions   = ["iam:CreateServiceLinkedRole"]
      resources = ["${local.role}/aws-service-role/eks-connector.amazonaws.com/*"]
    }
  }

  dynamic "statement" {
    for_each = var.rollback && length(local.undo) > 0 ? [1] : []

    content {
      sid       = "OnlyToRollBack"
      actions   = local.undo
      resources = local.the_role
    }
  }

  dynamic "statement" {
    for_each = var.rollback && var.detach_managed_policy ? [1] : []

    content {
      sid       = "OnlyToAttachAgain"
      actions   = ["iam:AttachRolePolicy"]
      resources = local.the_role

      condition {
        test     = "ArnNotEquals"
        variable = "iam:PolicyARN"
        values   = concat(local.never_attached, var.kept_policies)
      }
    }
  }

  dynamic "statement" {
    for_each = var.rollback && local.puts_boundary ? [1] : []

    content {
      sid       = "OnlyToTakeTheBoundaryOff"
      actions   = ["iam:DeleteRolePermissionsBoundary"]
      resources = local.the_role

      condition {
        test     = "ArnEquals"
        variable = "iam:PermissionsBoundary"
        values   = [var.permissions_boundary_arn]
      }
    }
  }
}

resource "aws_iam_role" "this" {
  name               = var.role_name
  path               = var.role_path
  description        = "Written with by rolewarden, once somebody armed it. Only its own role may assume this one."
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "this" {
  name   = "rolewarden-remediate"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.policy.json
}
