//! The writes of a repair, through the real SDK client.

use aws_sdk_iam::types::Tag;
use rolewarden::model::AccountId;
use rolewarden::simulator::{
    ADMINISTRATOR_ROLE, Fault, Kind, On, Operation, Role, Rule, Running, Server, generate,
};

use crate::support::{PERMISSIONS, ROLE, TRUST, code, iam_as, iam_of_hub, is, one};

const ADMINISTRATOR_ACCESS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const INLINE: &str = "AmazonEKSConnectorAgentPolicy";

async fn start(kind: Kind) -> (Running, AccountId) {
    let world = generate(7, 60);
    let id = one(&world, kind);
    (Server::start(world).await.unwrap(), id)
}

/// The role as the world has it.
fn role(running: &Running, id: &AccountId, name: &str) -> Option<Role> {
    running.change(|world| world.accounts[id].roles.get(name).cloned())
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

fn white(length: usize) -> String {
    " ".repeat(length)
}

#[tokio::test]
async fn a_role_is_made_changed_and_deleted() {
    let (running, id) = start(Kind::Absent).await;
    let iam = iam_as(&running, &id, ADMINISTRATOR_ROLE, None).await;
    let create = || {
        iam.create_role()
            .role_name(ROLE)
            .path("/team/")
            .assume_role_policy_document(TRUST)
            .description("for the connector")
            .max_session_duration(7200)
            .tags(tag("a", "1"))
            .tags(tag("b", ""))
    };
    let made = create().send().await.unwrap().role.unwrap();
    assert_eq!(made.arn, format!("arn:aws:iam::{id}:role/team/{ROLE}"));
    assert_eq!(code(create().send().await), is(409, "EntityAlreadyExists"));
    let other_case = create().role_name(ROLE.to_uppercase()).send().await;
    assert_eq!(code(other_case), is(409, "EntityAlreadyExists"), "names ignore case");
    let read = iam.get_role().role_name(ROLE).send().await.unwrap().role.unwrap();
    assert_eq!((read.role_id, read.max_session_duration), (made.role_id, Some(7200)));
    assert_eq!(read.description.as_deref(), Some("for the connector"));

    iam.put_role_policy()
        .role_name(ROLE)
        .policy_name("p")
        .policy_document(PERMISSIONS)
        .send()
        .await
        .unwrap();
    for _ in 0..2 {
        let attach = iam.attach_role_policy().role_name(ROLE).policy_arn(ADMINISTRATOR_ACCESS);
        attach.send().await.expect("attaching twice is attaching");
    }
    let tags = iam.tag_role().role_name(ROLE).tags(tag("b", "2")).tags(tag("c", "3"));
    tags.send().await.unwrap();
    iam.untag_role().role_name(ROLE).tag_keys("a").tag_keys("none").send().await.unwrap();
    iam.put_role_permissions_boundary()
        .role_name(ROLE)
        .permissions_boundary(ADMINISTRATOR_ACCESS)
        .send()
        .await
        .unwrap();
    let now = role(&running, &id, ROLE).unwrap();
    assert_eq!(&*now.trust, TRUST);
    assert_eq!(&*now.inline["p"], PERMISSIONS);
    assert!(now.attached.contains(ADMINISTRATOR_ACCESS) && now.attached.len() == 1);
    assert_eq!(now.boundary.as_deref(), Some(ADMINISTRATOR_ACCESS));
    let tags: Vec<_> = now.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(tags, [("b", "2"), ("c", "3")]);

    let delete = || iam.delete_role().role_name(ROLE);
    assert_eq!(code(delete().send().await), is(409, "DeleteConflict"));
    let detach = || iam.detach_role_policy().role_name(ROLE).policy_arn(ADMINISTRATOR_ACCESS);
    detach().send().await.unwrap();
    assert_eq!(code(detach().send().await), is(404, "NoSuchEntity"));
    assert_eq!(code(delete().send().await), is(409, "DeleteConflict"));
    let remove = || iam.delete_role_policy().role_name(ROLE).policy_name("P");
    remove().send().await.unwrap();
    assert_eq!(code(remove().send().await), is(404, "NoSuchEntity"));
    iam.delete_role_permissions_boundary().role_name(ROLE).send().await.unwrap();
    assert_eq!(role(&running, &id, ROLE).unwrap().boundary, None);
    delete().send().await.unwrap();
    assert_eq!(code(delete().send().await), is(404, "NoSuchEntity"));
    assert_eq!(role(&running, &id, ROLE), None);
    assert_eq!(running.calls().of_in(Operation::DeleteRole, &id), 4, "refused writes count");
}

#[tokio::test]
async fn documents_that_aws_would_not_store_are_refused() {
    let (running, id) = start(Kind::GuideCli).await;
    let iam = iam_as(&running, &id, ADMINISTRATOR_ROLE, None).await;
    let before = role(&running, &id, ROLE).unwrap();
    let (malformed, limit) = (is(400, "MalformedPolicyDocument"), is(409, "LimitExceeded"));
    let long =
        |length: usize| PERMISSIONS.replace("s3:GetObject", &format!("s3:{}", "x".repeat(length)));
    let trust_long =
        TRUST.replace("\"Effect\"", &format!("\"Sid\":\"{}\",\"Effect\"", "x".repeat(2048)));
    let encoded = TRUST.replace('"', "%22");
    let cases = [
        ("no JSON", "{", &malformed, &malformed),
        ("percent-encoded", &encoded, &malformed, &malformed),
        ("a list", "[]", &malformed, &malformed),
        ("the other sort", TRUST, &is(200, "ok"), &malformed),
        ("the other sort", PERMISSIONS, &malformed, &is(200, "ok")),
        ("too long", &trust_long, &limit, &malformed),
        ("too long", &long(10_240), &malformed, &limit),
        (
            "white space does not count",
            &format!("{}{TRUST}", white(5000)),
            &is(200, "ok"),
            &malformed,
        ),
        (
            "white space does not count",
            &format!("{PERMISSIONS}{}", white(20_000)),
            &malformed,
            &is(200, "ok"),
        ),
    ];
    for (case, document, trust, permissions) in cases {
        let update = iam.update_assume_role_policy().role_name(ROLE).policy_document(document);
        assert_eq!(code(update.send().await), *trust, "trust, case `{case}`");
        let put =
            iam.put_role_policy().role_name(ROLE).policy_name(INLINE).policy_document(document);
        assert_eq!(code(put.send().await), *permissions, "permissions, case `{case}`");
    }
    let second =
        iam.put_role_policy().role_name(ROLE).policy_name("second").policy_document(long(10_200));
    assert_eq!(code(second.send().await), limit, "all inline policies count together");
    assert_eq!(role(&running, &id, ROLE).unwrap().inline.len(), before.inline.len());
}

#[tokio::test]
async fn names_numbers_and_policies_must_be_good() {
    let (running, id) = start(Kind::GuideCli).await;
    let iam = iam_as(&running, &id, ADMINISTRATOR_ROLE, None).await;
    let (invalid, missing) = (is(400, "ValidationError"), is(404, "NoSuchEntity"));
    let create = || iam.create_role().role_name("new").assume_role_policy_document(TRUST);
    let too_long = "x".repeat(65);
    let creations = [
        ("a name with a slash", create().role_name("a/b"), &invalid),
        ("a long name", create().role_name(too_long), &invalid),
        ("half a path", create().path("/team"), &invalid),
        ("a short session", create().max_session_duration(900), &invalid),
        ("an unknown boundary", create().permissions_boundary("arn:aws:iam::1:policy/x"), &missing),
        (
            "no policy",
            create().assume_role_policy_document("{}"),
            &is(400, "MalformedPolicyDocument"),
        ),
    ];
    for (case, call, want) in creations {
        assert_eq!(code(call.send().await), *want, "case `{case}`");
    }
    let attach =
        iam.attach_role_policy().role_name(ROLE).policy_arn("arn:aws:iam::aws:policy/None");
    assert_eq!(code(attach.send().await), missing);
    let unknown = iam.tag_role().role_name("none").tags(tag("a", "b"));
    assert_eq!(code(unknown.send().await), missing);
    let many = (0..51).map(|n| tag(&n.to_string(), "")).collect();
    let tags = iam.tag_role().role_name(ROLE).set_tags(Some(many));
    assert_eq!(code(tags.send().await), is(409, "LimitExceeded"));
    assert_eq!(role(&running, &id, "new"), None);
}

#[tokio::test]
async fn an_update_keeps_the_description_and_sets_the_session() {
    let (running, id) = start(Kind::GuideCli).await;
    let iam = iam_as(&running, &id, ADMINISTRATOR_ROLE, None).await;
    let update = || iam.update_role().role_name(ROLE);
    update().description("x").max_session_duration(7200).send().await.unwrap();
    update().max_session_duration(3600).send().await.unwrap();
    let now = role(&running, &id, ROLE).unwrap();
    assert_eq!((now.description.as_str(), now.max_session), ("x", 3600));
    update().description("").send().await.unwrap();
    assert_eq!(role(&running, &id, ROLE).unwrap().description, "");
}

#[tokio::test]
async fn a_service_linked_role_is_awss_own() {
    let (running, id) = start(Kind::GuideCli).await;
    let iam = iam_as(&running, &id, ADMINISTRATOR_ROLE, None).await;
    let create = |service: &str| iam.create_service_linked_role().aws_service_name(service);
    let made = create("eks-connector.amazonaws.com").send().await.unwrap().role.unwrap();
    assert_eq!(made.role_name, "AWSServiceRoleForAmazonEKSConnector");
    assert_eq!(made.path, "/aws-service-role/eks-connector.amazonaws.com/");
    let again = create("eks-connector.amazonaws.com");
    assert_eq!(code(again.send().await), is(400, "InvalidInput"));
    assert_eq!(code(create("none.amazonaws.com").send().await), is(400, "InvalidInput"));
    let delete = iam.delete_role().role_name(&made.role_name);
    assert_eq!(code(delete.send().await), is(400, "UnmodifiableEntity"));
    let trust = iam.update_assume_role_policy().role_name(&made.role_name).policy_document(TRUST);
    assert_eq!(code(trust.send().await), is(400, "UnmodifiableEntity"));
}

#[tokio::test]
async fn each_role_may_do_what_it_is_for() {
    let denied = is(403, "AccessDenied");
    let ok = is(200, "ok");
    let only_reads = r#"{"Statement":{"Effect":"Allow","Action":"iam:Get*","Resource":"*"}}"#;
    let cases = [
        ("rolewarden-scan", None, ROLE, &denied, &denied),
        // To undo a creation.
        ("rolewarden-remediate", None, ROLE, &ok, &is(409, "DeleteConflict")),
        ("rolewarden-remediate", None, "AnotherRole", &denied, &denied),
        ("rolewarden-remediate", Some(only_reads), ROLE, &denied, &denied),
        (ADMINISTRATOR_ROLE, None, "AnotherRole", &ok, &is(409, "DeleteConflict")),
    ];
    for (who, session, name, write, delete) in cases {
        let (running, id) = start(Kind::GuideCli).await;
        running.change(|world| {
            let roles = &mut world.accounts.get_mut(&id).unwrap().roles;
            let another = roles[ROLE].clone();
            roles.insert("AnotherRole".to_owned(), another);
        });
        let iam = iam_as(&running, &id, who, session).await;
        let put =
            iam.put_role_policy().role_name(name).policy_name("p").policy_document(PERMISSIONS);
        assert_eq!(code(put.send().await), *write, "{who} writes {name}");
        let gone = iam.delete_role().role_name(name);
        assert_eq!(code(gone.send().await), *delete, "{who} deletes {name}");
        let read = iam.get_role().role_name(ROLE);
        assert_eq!(code(read.send().await), ok, "{who} reads");
    }
}

#[tokio::test]
async fn the_base_credentials_write_in_the_hub_only() {
    let (running, id) = start(Kind::GuideCli).await;
    let hub = running.change(|world| world.hub.clone());
    let iam = iam_of_hub(&running);
    iam.tag_role().role_name(ROLE).tags(tag("a", "b")).send().await.unwrap();
    assert!(role(&running, &hub, ROLE).unwrap().tags.contains_key("a"));
    assert!(!role(&running, &id, ROLE).unwrap().tags.contains_key("a"));
}

#[tokio::test]
async fn a_refused_write_has_no_effect_and_a_lost_answer_has() {
    let cases = [
        (Fault::Throttled, false),
        (Fault::Denied, false),
        (Fault::Reset, false),
        (Fault::AnswerLost, true),
        (Fault::CutBody(3), true),
    ];
    for (fault, done) in cases {
        let (running, id) = start(Kind::GuideCli).await;
        let iam = iam_as(&running, &id, ADMINISTRATOR_ROLE, None).await;
        let rule = Rule::always(On::Only(Operation::CreateRole), fault);
        running.change(|world| world.accounts.get_mut(&id).unwrap().faults = vec![rule]);
        let create = || iam.create_role().role_name("new").assume_role_policy_document(TRUST);
        assert!(create().send().await.is_err(), "{fault:?}");
        assert_eq!(role(&running, &id, "new").is_some(), done, "{fault:?}");
    }
}
