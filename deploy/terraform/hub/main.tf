data "aws_partition" "here" {}

data "aws_caller_identity" "here" {}

locals {
  role    = "arn:${data.aws_partition.here.partition}:iam::*:role"
  direct  = var.own_account == "direct"
  actions = concat(["sts:AssumeRole"], var.session_tags ? ["sts:TagSession"] : [])

  # Of these services only EC2 has a name of its own in China.
  ec2 = data.aws_partition.here.partition == "aws-cn" ? "ec2.amazonaws.com.cn" : "ec2.amazonaws.com"
  services = {
    ec2          = local.ec2
    ecs          = "ecs-tasks.amazonaws.com"
    pod-identity = "pods.eks.amazonaws.com"
  }

  enter_everywhere = [for role in [var.scan_role, var.remediate_role] : "${local.role}/${role}" if role != ""]
}

locals {
  # A cluster may name any role. IAM does not know the path of a role that is not there.
  read_roles = var.when_connected ? ["${local.role}/*"] : concat(
    ["${local.role}/${var.target_role_name}", "${local.role}/*/${var.target_role_name}"],
    var.service_linked_role ? [
      "${local.role}/AWSServiceRoleForAmazonEKSConnector",
      "${local.role}/aws-service-role/eks-connector.amazonaws.com/AWSServiceRoleForAmazonEKSConnector",
    ] : [],
  )
}

data "aws_iam_policy_document" "trust" {
  dynamic "statement" {
    for_each = var.runs_on == "irsa" ? [] : [local.services[var.runs_on]]

    content {
      sid     = "RunRolewarden"
      actions = concat(["sts:AssumeRole"], var.runs_on == "pod-identity" ? ["sts:TagSession"] : [])

      principals {
        type        = "Service"
        identifiers = [statement.value]
      }

      # Both services act for every customer of AWS: they must act for this account.
      dynamic "condition" {
        for_each = contains(["ecs", "pod-identity"], var.runs_on) ? [1] : []

        content {
          test     = "StringEquals"
          variable = "aws:SourceAccount"
          values   = [data.aws_caller_identity.here.account_id]
        }
      }

      dynamic "condition" {
        for_each = var.runs_on == "ecs" ? [1] : []

        content {
          test     = "ArnLike"
          variable = "aws:SourceArn"
          values   = ["arn:${data.aws_partition.here.partition}:ecs:*:${data.aws_caller_identity.here.account_id}:*"]
        }
      }
    }
  }

  dynamic "statement" {
    for_each = var.runs_on == "irsa" ? [var.oidc_provider] : []

    content {
      sid     = "RunRolewarden"
      actions = ["sts:AssumeRoleWithWebIdentity"]

      principals {
        type        = "Federated"
        identifiers = ["arn:${data.aws_partition.here.partition}:iam::${data.aws_caller_identity.here.account_id}:oidc-provider/${statement.value}"]
      }

      condition {
        test     = "StringEquals"
        variable = "${statement.value}:aud"
        values   = ["sts.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "${statement.value}:sub"
        values   = ["system:serviceaccount:${var.service_account}"]
      }
    }
  }
}

data "aws_iam_policy_document" "policy" {
  dynamic "statement" {
    for_each = var.list_accounts ? [1] : []

    content {
      sid = "ListAccounts"
      actions = concat(
        ["organizations:DescribeOrganization", "organizations:ListAccounts"],
        var.organizational_units ? [
          "organizations:ListRoots",
          "organizations:ListOrganizationalUnitsForParent",
          "organizations:ListAccountsForParent",
        ] : [],
        var.tags ? ["organizations:ListTagsForResource"] : [],
      )
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = length(local.enter_everywhere) == 0 ? [] : [1]

    content {
      sid       = "EnterAccounts"
      actions   = local.actions
      resources = local.enter_everywhere

      dynamic "condition" {
        for_each = var.in_organization ? [1] : []

        content {
          test     = "StringEquals"
          variable = "aws:ResourceOrgID"
          # Terraform's spelling of the policy variable.
          values = ["&{aws:PrincipalOrgID}"]
        }
      }
    }
  }

  dynamic "statement" {
    for_each = length(var.named_role_arns) == 0 ? [] : [1]

    content {
      sid       = "EnterNamedRoles"
      actions   = local.actions
      resources = var.named_role_arns
    }
  }

  dynamic "statement" {
    for_each = local.direct ? [1] : []

    content {
      sid = "ReadTheRole"
      actions = [
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListRolePolicies",
        "iam:ListAttachedRolePolicies",
      ]
      resources = local.read_roles
    }
  }

  dynamic "statement" {
    for_each = local.direct && var.when_connected ? [1] : []

    content {
      sid       = "ListClusters"
      actions   = ["eks:ListClusters"]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = local.direct && var.when_connected ? [1] : []

    content {
      sid       = "DescribeClusters"
      actions   = ["eks:DescribeCluster"]
      resources = ["arn:${data.aws_partition.here.partition}:eks:*:*:cluster/*"]
    }
  }

  dynamic "statement" {
    for_each = local.direct && var.read_managed_policies ? [1] : []

    content {
      sid     = "ReadPoliciesAttachedToIt"
      actions = ["iam:GetPolicy", "iam:GetPolicyVersion"]
      resources = [
        "arn:${data.aws_partition.here.partition}:iam::aws:policy/*",
        "arn:${data.aws_partition.here.partition}:iam::*:policy/*",
      ]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = var.role_name
  path               = var.role_path
  description        = "rolewarden runs as this role."
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "this" {
  name   = "rolewarden-hub"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.policy.json
}
