//! What packets become: plain, signed and encrypted ones, and broken ones.

use super::Collectd;
use super::security::output_feedback;
use super::types::Types;
use crate::testing::{build, list, text};
use agent_api::options::Setting;
use agent_api::{Body, Collector, Parser};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

fn part(kind: u16, content: &[u8]) -> Vec<u8> {
    let mut out = kind.to_be_bytes().to_vec();
    out.extend((content.len() as u16 + 4).to_be_bytes());
    out.extend(content);
    out
}

fn name(kind: u16, name: &str) -> Vec<u8> {
    part(kind, format!("{name}\0").as_bytes())
}

fn values(values: &[(u8, [u8; 8])]) -> Vec<u8> {
    let mut content = (values.len() as u16).to_be_bytes().to_vec();
    content.extend(values.iter().map(|(kind, _)| kind));
    content.extend(values.iter().flat_map(|(_, bytes)| bytes));
    part(6, &content)
}

/// Two sets, the second with four values of all types.
fn packet() -> Vec<u8> {
    let time = 1_600_000_000u64 << 30 | 1 << 29;
    [
        name(0, "h1"),
        part(8, &time.to_be_bytes()),
        part(9, &[0; 8]),
        name(2, "tank"),
        name(3, "north"),
        name(4, "level"),
        name(5, "deep"),
        values(&[(1, 12.5f64.to_le_bytes())]),
        part(1, &1_600_000_001u64.to_be_bytes()),
        name(2, "iface"),
        name(3, ""),
        name(4, "if"),
        name(5, ""),
        part(0x7777, b"?"),
        values(&[
            (0, u64::MAX.to_be_bytes()),
            (1, f64::NAN.to_le_bytes()),
            (2, (-7i64).to_be_bytes()),
            (3, 9u64.to_be_bytes()),
        ]),
    ]
    .concat()
}

fn read(bytes: &[u8], options: &[(&str, Setting)]) -> (String, Option<String>) {
    let mut parser = build::<Collectd>(options).unwrap();
    let mut out = Collector::new();
    let error = parser.parse(&Body::new(bytes.to_vec()), &mut out).err().map(|e| e.to_string());
    let mut batch = out.take();
    batch.settle_times(0, 0);
    (batch.iter().map(|m| format!("{m:?}")).collect::<Vec<_>>().join("\n"), error)
}

const SPLIT: &str = "tank_value,host=h1,instance=north,type=level,type_instance=deep value=Float(12.5) 1600000000500000000\n\
    iface_0,host=h1,type=if value=Float(1.8446744073709552e19) 1600000001000000000\niface_1,host=h1,type=if value=Float(NaN) 1600000001000000000\n\
    iface_2,host=h1,type=if value=Float(-7.0) 1600000001000000000\niface_3,host=h1,type=if value=Float(9.0) 1600000001000000000";

/// A path that is gone with the value.
struct File(tempfile::TempPath);

impl File {
    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

fn file(content: &str) -> File {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, content.as_bytes()).unwrap();
    File(file.into_temp_path())
}

#[test]
fn packets_become_metrics() {
    assert_eq!(read(&packet(), &[]), (SPLIT.to_owned(), None));
    let types = file("# types\nlevel value:GAUGE:0:U\nif\trx:COUNTER:0:U, tx:GAUGE:0:U,a:DERIVE:U:U b:ABSOLUTE:0:U\n");
    let (got, error) =
        read(&packet(), &[("collectd_parse_multivalue", text("join")), ("collectd_typesdb", list(&[types.path()]))]);
    assert_eq!(
        got,
        "tank,host=h1,instance=north,type=level,type_instance=deep value=Float(12.5) 1600000000500000000\n\
         iface,host=h1,type=if rx=Float(1.8446744073709552e19),tx=Float(NaN),a=Float(-7.0),b=Float(9.0) 1600000001000000000"
    );
    assert!(error.is_none());
    let other = file("level a:GAUGE:0:U,b:GAUGE:0:U\n");
    let (got, error) = read(&packet(), &[("collectd_typesdb", list(&[other.path()]))]);
    assert_eq!(got, "");
    let error = error.unwrap();
    assert!(
        error.contains("1 values of the type \"level\", which has 2")
            && error.contains("the type \"if\" is in no file"),
        "{error}"
    );
}

#[test]
fn signed_and_encrypted_packets() {
    let auth = file("# users\nada: one word\nbob:other\n");
    let options = |level: &str| [("collectd_auth_file", text(auth.path())), ("collectd_security_level", text(level))];
    let sign = |user: &str, password: &str| {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(password.as_bytes()).unwrap();
        mac.update(user.as_bytes());
        mac.update(&packet());
        [part(0x200, &[&mac.finalize().into_bytes()[..], user.as_bytes()].concat()), packet()].concat()
    };
    let seal = |user: &str, password: &str| {
        let mut sealed = [&Sha1::digest(packet())[..], &packet()].concat();
        output_feedback(Sha256::digest(password.as_bytes()).into(), [7; 16], &mut sealed);
        part(0x210, &[&(user.len() as u16).to_be_bytes()[..], user.as_bytes(), &[7; 16], &sealed].concat())
    };
    let good =
        |bytes: &[u8], level: &str| assert_eq!(read(bytes, &options(level)), (SPLIT.to_owned(), None), "{level}");
    let nothing = |bytes: &[u8], level: &str, cause: Option<&str>| {
        let (got, error) = read(bytes, &options(level));
        assert_eq!((got.as_str(), error.as_deref()), ("", cause), "{level}");
    };
    for level in ["none", "sign"] {
        good(&sign("ada", "one word"), level);
        good(&seal("ada", "one word"), level);
    }
    good(&seal("bob", "other"), "encrypt");
    good(&sign("eve", "x"), "none");
    nothing(&packet(), "sign", None);
    nothing(&sign("ada", "one word"), "encrypt", None);
    nothing(&sign("ada", "wrong"), "none", Some("the signature of \"ada\" is wrong"));
    nothing(&sign("eve", "x"), "sign", Some("the user \"eve\" is not known"));
    nothing(&seal("bob", "wrong"), "none", Some("what \"bob\" encrypted cannot be decrypted"));
    nothing(&seal("eve", "x"), "none", Some("the user \"eve\" is not known"));
    let (got, error) = read(&seal("ada", "x"), &[("collectd_auth_file", text("/no/such.auth"))]);
    assert!(got.is_empty() && error.unwrap().contains("/no/such.auth"));
}

#[test]
fn output_feedback_is_that_of_the_standard() {
    // NIST SP 800-38A, F.4.5, first block.
    let hex = |text: &str| {
        (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect::<Vec<_>>()
    };
    let key = hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    let mut bytes = hex("6bc1bee22e409f96e93d7e117393172a");
    output_feedback(key.try_into().unwrap(), std::array::from_fn(|i| i as u8), &mut bytes);
    assert_eq!(bytes, hex("dc7e84bfda79164b7ecd8486985d3860"));
}

#[test]
fn broken_packets_keep_what_was_read() {
    let whole = packet();
    for cut in 0..whole.len() {
        let (got, _) = read(&whole[..cut], &[]);
        assert!(SPLIT.starts_with(&got), "{cut}");
        let mut odd = whole.clone();
        odd[cut] = odd[cut].wrapping_add(0x55);
        let _read = read(&odd, &[]);
    }
    for (bytes, cause) in [
        (vec![0, 0, 0, 4], "a part of invalid length 4"),
        (vec![0], "a part of less than 4 bytes"),
        (part(0, b"abc"), "a text without an end"),
        (part(1, b"abc"), "a number of 3 bytes"),
        (part(6, &[0, 2, 1]), "2 values in 1 bytes"),
        (values(&[(9, [0; 8])]), "a value of unknown type 9"),
        (part(0x200, b"short"), "a signature of less than 32 bytes"),
        (part(0x210, b"x"), "an encrypted part that is too short"),
    ] {
        assert_eq!(read(&bytes, &[]).1.as_deref(), Some(cause));
    }
}

#[test]
fn mistakes() {
    assert!(build::<Collectd>(&[("collectd_security_level", text("high"))]).is_err());
    assert!(build::<Collectd>(&[("collectd_parse_multivalue", text("both"))]).is_err());
    let error = build::<Collectd>(&[("collectd_typesdb", list(&["/no/types.db"]))]).err().unwrap();
    assert!(format!("{error:#}").contains("/no/types.db"));
    for line in ["alone", "x a:GAUGE:0", "x a:ODD:0:U"] {
        assert!(Types::default().add(line).is_err(), "{line}");
    }
}
