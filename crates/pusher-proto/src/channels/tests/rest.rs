use crate::channels::{ChannelsApp, Parameters, RestFault, check_request};
use crate::limits::{CHANNELS_CLOCK_S, CHANNELS_PARAMETERS_MAX, CHANNELS_QUERY_LEN_MAX};

const NOW_S: u64 = 1_353_088_179;
const PATH: &str = "/apps/3/events";
const BODY: &str = r#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;
/// The parameters of the example in the protocol's public documentation, with the secret of [`app`].
const SIGNED: &str = "auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0\
    &body_md5=ec365a775a4cd0599faeb73354201b6f\
    &auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c";

fn app() -> ChannelsApp {
    ChannelsApp::parse("3:278d425bdf160c739803", "7ad3773142a6692b25b8").unwrap()
}

fn check(query: &str, body: &str, now_s: u64) -> Result<Parameters, RestFault> {
    check_all("POST", PATH, query, body, now_s)
}

fn check_all(
    method: &str,
    path: &str,
    query: &str,
    body: &str,
    now_s: u64,
) -> Result<Parameters, RestFault> {
    let parameters = check_request(&app(), method, path, query, now_s)?;
    parameters.check_body(body.as_bytes())?;
    Ok(parameters)
}

/// Signs any parameters, as somebody with the secret could.
fn seal(parameters: &str) -> String {
    let signature = app().sign(format!("POST\n{PATH}\n{parameters}").as_bytes());
    format!("{parameters}&auth_signature={signature}")
}

#[test]
fn the_example_of_the_documentation_is_accepted() {
    let parameters = check(SIGNED, BODY, NOW_S).unwrap();
    assert_eq!(parameters.get("auth_version"), Some("1.0"));
    assert_eq!(parameters.get("info"), None);
}

#[test]
fn requests_of_the_libraries_are_accepted() {
    let key = "auth_key=278d425bdf160c739803";
    for (method, path, query, body, info) in [
        // Node: no body_md5 without a body.
        (
            "GET",
            "/apps/3/channels",
            format!(
                "{key}&auth_timestamp=1353088179&auth_version=1.0&filter_by_prefix=presence-&info=user_count,subscription_count&auth_signature=ff97d40ab3fbbd15394386a29c12998c33635305357b2e2abd18dc67efe3f87d"
            ),
            "",
            Some("user_count,subscription_count"),
        ),
        // The same, encoded by a proxy.
        (
            "GET",
            "/apps/3/channels",
            format!(
                "{key}&auth_timestamp=1353088179&auth_version=1%2E0&filter_by_prefix=presence%2d&info=user_count%2Csubscription_count&auth_signature=ff97d40ab3fbbd15394386a29c12998c33635305357b2e2abd18dc67efe3f87d"
            ),
            "",
            Some("user_count,subscription_count"),
        ),
        // Python: body_md5 of nothing, and the signature among the other parameters.
        (
            "GET",
            "/apps/3/channels/presence-a/users",
            format!(
                "{key}&auth_signature=8a80a0d7aa76df486ed6d753a64bb4a79c77c157e61b59ef7107e7889a145d52&auth_timestamp=1353088179&auth_version=1.0&body_md5=d41d8cd98f00b204e9800998ecf8427e&info=user_count"
            ),
            "",
            Some("user_count"),
        ),
        (
            "POST",
            "/apps/3/users/7/terminate_connections",
            format!(
                "{key}&auth_signature=39e910ac7ace5fe3bb9d1893af3d1bf93fb02782c6910e5f944dda2cc3c84b90&auth_timestamp=1353088179&auth_version=1.0&body_md5=99914b932bd37a50b983c5e7c90ae93b"
            ),
            "{}",
            None,
        ),
    ] {
        let checked = check_all(method, path, &query, body, NOW_S);
        assert_eq!(checked.unwrap().get("info"), info, "{query}");
    }
}

#[test]
fn a_signature_is_for_one_request() {
    let fault = Err(RestFault::Signature);
    let checked = |method, path| check_all(method, path, SIGNED, BODY, NOW_S);
    assert_eq!(checked("PUT", PATH), fault);
    assert_eq!(checked("POST", "/apps/3/batch_events"), fault);
    assert_eq!(
        check(&format!("{SIGNED}&info=user_count"), BODY, NOW_S),
        fault
    );
    assert_eq!(
        check(&SIGNED.replace("body_md5=ec", "body_md5=ed"), BODY, NOW_S),
        fault
    );
    for end in ["", "d", "dd", "x"] {
        let query = SIGNED.replace("457e6c", end);
        assert_eq!(check(&query, BODY, NOW_S), fault, "{query}");
    }
    let upper = SIGNED.replace("da454824c97ba181", "DA454824C97BA181");
    assert!(check(&upper, BODY, NOW_S).is_ok());
    assert_eq!(
        check(SIGNED, &BODY.replace("foo", "bar"), NOW_S),
        Err(RestFault::Body)
    );
    assert_eq!(check(SIGNED, "", NOW_S), Err(RestFault::Body));
}

#[test]
fn each_parameter_is_checked() {
    for (change, to, fault) in [
        ("auth_key=27", "auth_key=28", RestFault::Key),
        ("auth_key=", "x=", RestFault::Missing("auth_key")),
        ("auth_version=1.0", "auth_version=2.0", RestFault::Version),
        ("auth_version=", "x=", RestFault::Missing("auth_version")),
        (
            "auth_timestamp=",
            "x=",
            RestFault::Missing("auth_timestamp"),
        ),
        (
            "auth_timestamp=1",
            "auth_timestamp=-1",
            RestFault::Clock { now_s: NOW_S },
        ),
        (
            "auth_timestamp=1",
            "auth_timestamp=x",
            RestFault::Clock { now_s: NOW_S },
        ),
        (
            "auth_signature=",
            "x=",
            RestFault::Missing("auth_signature"),
        ),
        (
            "auth_version=1.0",
            "auth_version=1.0&AUTH_KEY=x",
            RestFault::Twice("auth_key".to_owned()),
        ),
    ] {
        assert_eq!(
            check(&SIGNED.replace(change, to), BODY, NOW_S),
            Err(fault),
            "{to}"
        );
    }
    let plain = SIGNED.split("&body_md5").next().unwrap();
    assert_eq!(
        check(&seal(plain), BODY, NOW_S),
        Err(RestFault::Missing("body_md5"))
    );
    assert!(check(&seal(plain), "", NOW_S).is_ok());
    assert_eq!(check("", "", NOW_S), Err(RestFault::Missing("auth_key")));
}

#[test]
fn the_clocks_may_differ_by_ten_minutes() {
    for now_s in [NOW_S - CHANNELS_CLOCK_S, NOW_S + CHANNELS_CLOCK_S] {
        assert!(check(SIGNED, BODY, now_s).is_ok());
    }
    for now_s in [
        NOW_S - CHANNELS_CLOCK_S - 1,
        NOW_S + CHANNELS_CLOCK_S + 1,
        0,
        u64::MAX,
    ] {
        assert_eq!(check(SIGNED, BODY, now_s), Err(RestFault::Clock { now_s }));
    }
}

#[test]
fn the_query_has_limits() {
    let plain = SIGNED.split("&body_md5").next().unwrap();
    let padded = |len: usize| seal(&format!("{plain}&z={}", "z".repeat(len)));
    let room = CHANNELS_QUERY_LEN_MAX - padded(0).len();
    assert!(check(&padded(room), "", NOW_S).is_ok());
    assert_eq!(
        check(&padded(room + 1), "", NOW_S),
        Err(RestFault::QueryTooLong)
    );

    let many = |count: usize| {
        let more: String = (10..6 + count)
            .map(|number| format!("&z{number}="))
            .collect();
        seal(&format!("{plain}{more}"))
    };
    assert!(check(&many(CHANNELS_PARAMETERS_MAX), "", NOW_S).is_ok());
    assert_eq!(
        check(&many(CHANNELS_PARAMETERS_MAX + 1), "", NOW_S),
        Err(RestFault::TooManyParameters)
    );
}

#[test]
fn other_parameters_have_another_signature() {
    let plain = SIGNED.split("&body_md5").next().unwrap();
    let query = seal(&format!("{plain}&filter_by_prefix=a=b&info=user_count"));
    let parameters = check(&query, "", NOW_S).unwrap();
    assert_eq!(parameters.get("filter_by_prefix"), Some("a=b"));
    for (from, to, key) in [
        ("&info", "%26info", "filter_by_prefix"),
        ("prefix=a=b", "prefix%3Da=b", "filter_by_prefix=a"),
        ("b&info", "b&c%26d=&info", "c&d"),
    ] {
        let fault = RestFault::Separator(key.to_owned());
        assert_eq!(
            check(&query.replace(from, to), "", NOW_S),
            Err(fault),
            "{to}"
        );
    }
}

#[test]
fn faults_have_a_status() {
    assert_eq!(RestFault::Signature.status(), 401);
    assert_eq!(RestFault::QueryTooLong.status(), 414);
    assert_eq!(RestFault::Twice("a".to_owned()).status(), 400);
}
