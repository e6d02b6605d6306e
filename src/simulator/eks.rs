//! EKS: the clusters of an account in the region that a request is signed for.

use serde_json::{Value, json};

use super::answer::Call;
use super::calls::Operation;
use super::wire::{REGION, Refusal};
use super::world::Cluster;

/// Every simulated cluster was made at the same second.
const CREATED: f64 = 1_742_033_713.0;

/// The JSON of the answer.
pub(super) fn answer(call: &Call<'_>) -> Result<String, Refusal> {
    let value = match call.operation {
        Operation::DescribeCluster => describe(call)?,
        _ => list(call)?,
    };
    Ok(value.to_string())
}

/// The clusters here, in no account but the caller's.
fn clusters<'a>(call: &'a Call<'_>) -> impl Iterator<Item = &'a Cluster> {
    let region = call.given(REGION).unwrap_or_default();
    let member = call.world.accounts.get(&call.identity.account);
    let all = member.map(|member| member.clusters.as_slice()).unwrap_or_default();
    all.iter().filter(move |cluster| cluster.region == region)
}

/// Names; those of connected clusters only where `include` asks for `all`.
fn list(call: &Call<'_>) -> Result<Value, Refusal> {
    call.authorize("*")?;
    let invalid = |refusal: Refusal| Refusal { code: "InvalidParameterException", ..refusal };
    let all = match call.given("include") {
        None => false,
        Some("all") => true,
        Some(_) => return Err(invalid(Refusal::validation("include: expected all"))),
    };
    let size = call.number("maxResults", 100, 1, 100).map_err(invalid)?;
    let size = size.min(call.world.iam_page.max(1));
    let start = call.get("nextToken").map_or(Ok(0), str::parse::<usize>);
    let start = start.map_err(|_| invalid(Refusal::validation("nextToken: not one of ours")))?;
    let listed = clusters(call).filter(|cluster| all || cluster.connected_role.is_none());
    let names: Vec<&str> = listed.map(|cluster| cluster.name.as_str()).collect();
    let end = start.saturating_add(size);
    let next = (end < names.len()).then(|| end.to_string());
    let page: Vec<&str> = names.into_iter().skip(start).take(size).collect();
    Ok(json!({"clusters": page, "nextToken": next}))
}

fn describe(call: &Call<'_>) -> Result<Value, Refusal> {
    let name = call.require("name")?;
    let region = call.given(REGION).unwrap_or_default();
    let partition = &call.world.partition;
    let arn = |account| format!("arn:{partition}:eks:{region}:{account}:cluster/{name}");
    call.authorize(&arn(&call.identity.account))?;
    let cluster = clusters(call).find(|cluster| cluster.name == name).ok_or_else(|| {
        Refusal::new(
            404,
            "ResourceNotFoundException",
            format!("No cluster found for name: {name}."),
        )
    })?;
    let mut value = json!({
        "name": name,
        "arn": arn(&call.shown),
        "createdAt": CREATED,
        "status": cluster.status,
        "tags": {},
    });
    // The role of a cluster's control plane is another field than that of a connected one.
    let more = match &cluster.connected_role {
        Some(role) => json!({"connectorConfig": {"provider": "OTHER", "roleArn": role}}),
        None => json!({
            "roleArn": format!("arn:{partition}:iam::{}:role/eks", call.shown),
            "version": "1.34",
            "resourcesVpcConfig": {"vpcId": "vpc-0a1b2c3d", "subnetIds": ["subnet-0a1b2c3d"]},
        }),
    };
    if let (Some(members), Value::Object(more)) = (value.as_object_mut(), more) {
        members.extend(more);
    }
    Ok(json!({"cluster": value}))
}
