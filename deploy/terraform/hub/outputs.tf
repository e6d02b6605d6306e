output "role_arn" {
  description = "The role that rolewarden runs as, for hub_role_arn of the other modules."
  value       = aws_iam_role.this.arn
}

output "policy_json" {
  description = "What the role may do."
  value       = data.aws_iam_policy_document.policy.json
}
