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
  # A cluster may name any role. IAM does not know the path of a role that is not there.
  read_roles = var.when_connected ? ["${local.role}/*"] : concat(
    ["${local.role}/${var.target_role_name}", "${local.role}/*/${var.target_role_name}"],
    var.service_linked_role ? [
      "${local.role}/AWSServiceRoleForAmazonEKSConnector",
      "${local.role}/aws-service-role/eks-connector.amazonaws.com/AWSServiceRoleForAmazonEKSConnector",
    ] : [],
  )
}

data "aws_iam_policy_document" "policy" {
  statement {
    sid = "ReadTheRole"
    actions = [
      "iam:GetRole",
      "iam:GetRolePolicy",
      "iam:ListRolePolicies",
      "iam:ListAttachedRolePolicies",
    ]
    resources = local.read_roles
  }

  dynamic "statement" {
    for_each = var.when_connected ? [1] : []

    content {
      sid       = "ListClusters"
      actions   = ["eks:ListClusters"]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = var.when_connected ? [1] : []

    content {
      sid       = "DescribeClusters"
      actions   = ["eks:DescribeCluster"]
      resources = ["arn:${data.aws_partition.here.partition}:eks:*:*:cluster/*"]
    }
  }

  dynamic "statement" {
    for_each = var.read_managed_policies ? [1] : []

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
  description        = "Read by rolewarden, through the session of its own role. It writes nothing."
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "this" {
  name   = "rolewarden-scan"
  role   = aws_iam_role.this.name
  policy = data.aws_iam_policy_document.policy.json
}
