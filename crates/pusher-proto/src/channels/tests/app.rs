use crate::channels::{AppError, AuthFault, Channel, ChannelsApp, SocketId};
use crate::limits::{CHANNELS_ID_LEN_MAX, CHANNELS_SECRET_LEN_MAX};

/// The credentials of the protocol's public documentation.
const NAME: &str = "3:278d425bdf160c739803";
const SECRET: &str = "7ad3773142a6692b25b8";

fn app() -> ChannelsApp {
    ChannelsApp::parse(NAME, SECRET).unwrap()
}

fn channel(name: &str) -> Channel<'_> {
    Channel::parse(name).unwrap()
}

fn socket_id() -> SocketId {
    "1234.1234".parse().unwrap()
}

/// The vectors are from the documentation. The libraries of Node and Python make the same.
#[test]
fn auth_is_what_the_libraries_of_sites_sign() {
    let signed = |signature: &str| format!("278d425bdf160c739803:{signature}");
    assert_eq!(
        app().channel_auth(socket_id(), channel("private-foobar"), None),
        signed("58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4")
    );
    let data = r#"{"user_id":10,"user_info":{"name":"Mr. Pusher"}}"#;
    assert_eq!(
        app().channel_auth(socket_id(), channel("presence-foobar"), Some(data)),
        signed("afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c")
    );
    assert_eq!(
        app().user_auth(socket_id(), r#"{"id":"12345"}"#),
        signed("4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba")
    );
    let webhook = br#"{"time_ms":1327078148132,"events":[{"name":"channel_occupied","channel":"test_channel"}]}"#;
    assert_eq!(
        app().sign(webhook),
        "709fdb84c03664445f7698120b0edf0acc1ab1c8c6e93a0368c61841d6b998aa"
    );
}

#[test]
fn auth_is_for_one_socket_id_channel_and_data() {
    let (room, other_room) = (channel("presence-a"), channel("presence-b"));
    let auth = app().channel_auth(socket_id(), room, Some("{}"));
    let verify = |auth: &str, socket_id, channel, data| {
        app().verify_channel_auth(auth, socket_id, channel, data)
    };
    assert_eq!(verify(&auth, socket_id(), room, Some("{}")), Ok(()));
    let (key, signature) = auth.split_once(':').unwrap();
    let upper = format!("{key}:{}", signature.to_uppercase());
    assert_eq!(verify(&upper, socket_id(), room, Some("{}")), Ok(()));
    for (socket_id, channel, data) in [
        (SocketId(7), room, Some("{}")),
        (socket_id(), other_room, Some("{}")),
        (socket_id(), room, Some("{ }")),
        (socket_id(), room, None),
    ] {
        let verified = verify(&auth, socket_id, channel, data);
        assert_eq!(verified, Err(AuthFault::Signature), "{channel:?} {data:?}");
    }
    let user_auth = app().user_auth(socket_id(), "{}");
    assert_eq!(
        app().verify_user_auth(&user_auth, socket_id(), "{}"),
        Ok(())
    );
    for (auth, data) in [(&user_auth, "{ }"), (&auth, "{}")] {
        let verified = app().verify_user_auth(auth, socket_id(), data);
        assert_eq!(verified, Err(AuthFault::Signature));
    }
}

#[test]
fn auth_of_another_form_is_refused() {
    let room = channel("private-a");
    let auth = app().channel_auth(socket_id(), room, None);
    let (key, signature) = auth.split_once(':').unwrap();
    for (auth, fault) in [
        ("", AuthFault::Missing),
        (signature, AuthFault::Malformed),
        (&format!("{key}:"), AuthFault::Malformed),
        (&auth[..auth.len() - 1], AuthFault::Malformed),
        (&auth[..auth.len() - 2], AuthFault::Malformed),
        (&format!("{auth}00"), AuthFault::Malformed),
        (&format!("{auth} "), AuthFault::Malformed),
        (&format!("other:{signature}"), AuthFault::OtherKey),
        (&format!(":{signature}"), AuthFault::OtherKey),
        (&format!("{key}:{}", "0".repeat(64)), AuthFault::Signature),
    ] {
        let verified = app().verify_channel_auth(auth, socket_id(), room, None);
        assert_eq!(verified, Err(fault), "{auth:?}");
    }
}

#[test]
fn an_app_has_an_id_a_key_and_a_secret_within_the_limits() {
    let long_id = "i".repeat(CHANNELS_ID_LEN_MAX);
    let long_secret = "s".repeat(CHANNELS_SECRET_LEN_MAX);
    for (name, secret) in [
        ("3:k", "12345678"),
        ("my_app:a-B_9", "~!:#secret"),
        (&*format!("{long_id}:{long_id}"), &*long_secret),
        ("3:k", "12345678\n"),
        ("3:k", "12345678\r\n"),
    ] {
        let app = ChannelsApp::parse(name, secret).unwrap();
        assert_eq!(format!("{}:{}", app.id(), app.key()), name);
        let trimmed = ChannelsApp::parse(name, secret.trim_end()).unwrap();
        assert_eq!(app.sign(b""), trimmed.sign(b""));
    }
    for name in [
        "",
        "3",
        ":k",
        "3:",
        "3:k:s",
        "3:k ",
        "a/b:k",
        "猫:k",
        &format!("{long_id}i:k"),
        &format!("3:{long_id}i"),
    ] {
        let error = ChannelsApp::parse(name, SECRET).unwrap_err();
        assert_eq!(error, AppError::Name(name.to_owned()), "{name}");
    }
    for secret in [
        "",
        "1234567",
        "1234567\n",
        "with blank",
        "12345678\n\n",
        "12345678\n9",
        "猫猫猫猫",
        &format!("{long_secret}s"),
    ] {
        let error = ChannelsApp::parse(NAME, secret).unwrap_err();
        assert_eq!(error, AppError::Secret, "{secret:?}");
    }
}

#[test]
fn debug_does_not_show_the_secret() {
    let shown = format!("{:?}", app());
    assert_eq!(
        shown,
        r#"ChannelsApp { id: "3", key: "278d425bdf160c739803", .. }"#
    );
}
