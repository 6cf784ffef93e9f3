//! TLS: real handshakes, with rustls and with curl, and what goes wrong with them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use apmt_server::keys::Scope;
use apmt_server::serve::{ServeOptions, Tls};
use rcgen::{CertifiedKey, KeyPair};
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{
    self, ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
};

use crate::raw::{read, send_on};
use crate::staff::Staff;

type Pair = CertifiedKey<KeyPair>;

fn pair() -> Pair {
    rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap()
}

fn write(folder: &Path, pair: &Pair) {
    std::fs::write(folder.join("cert.pem"), pair.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), pair.signing_key.serialize_pem()).unwrap();
}

fn tls(folder: &TempDir) -> Tls {
    let file = |name: &str| folder.path().join(name);
    Tls::open(file("cert.pem"), file("key.pem")).unwrap()
}

/// A server over TLS, with keys.
fn over_tls(pair: &Pair, options: impl FnOnce(ServeOptions) -> ServeOptions) -> Staff {
    Staff::serving(
        |router, _| router,
        |serve, folder| {
            write(folder.path(), pair);
            options(serve.with_tls(tls(folder)))
        },
    )
}

/// Shakes hands with the server, trusting that certificate alone.
fn connect(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = builder.with_protocol_versions(versions).unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address)?);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

#[test]
fn requests_go_over_tls_1_2_and_1_3() {
    let pair = pair();
    let staff = over_tls(&pair, |serve| serve);
    let bearer = format!("Bearer {}", staff.key(Scope::Supervise));
    let key = [("authorization", bearer.as_str())];
    for (version, name) in [
        (&rustls::version::TLS13, ProtocolVersion::TLSv1_3),
        (&rustls::version::TLS12, ProtocolVersion::TLSv1_2),
    ] {
        let connected = || connect(staff.address(), pair.cert.der(), &[version]).unwrap();
        assert_eq!(connected().conn.protocol_version(), Some(name));
        let event = br#"{"type":"OVERRIDE","actor":"anne"}"#;
        assert_eq!(send_on(&mut connected(), "POST", "/event", &key, event).ok()["ok"], true);
        send_on(&mut connected(), "GET", "/dossier/anne", &[], b"").problem(401);
    }
    let mut stream = connect(staff.address(), pair.cert.der(), rustls::ALL_VERSIONS).unwrap();
    assert_eq!(send_on(&mut stream, "GET", "/dossier/anne", &key, b"").ok()["overrides"], 2);
    // A cookie that came over TLS stays there.
    let mut stream = connect(staff.address(), pair.cert.der(), rustls::ALL_VERSIONS).unwrap();
    let body = format!("key={}", staff.key(Scope::Read));
    let login = send_on(&mut stream, "POST", "/session", &[], body.as_bytes());
    assert!(login.header("set-cookie").unwrap().ends_with("; Secure"));
}

#[test]
fn curl_is_let_in_with_a_key() {
    let pair = pair();
    let staff = over_tls(&pair, |serve| serve);
    let curl = |arguments: &[&str]| {
        let output = std::process::Command::new("curl")
            .args(["--silent", "--show-error", "--noproxy", "*", "--cacert"])
            .arg(staff.folder.path().join("cert.pem"))
            .arg(format!("https://localhost:{}/status", staff.address().port()))
            .args(arguments)
            .output()
            .expect("this test needs curl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let bearer = format!("Authorization: Bearer {}", staff.key(Scope::Read));
    assert_eq!(curl(&["-H", &bearer])["position"], 0);
    assert_eq!(curl(&[])["status"], 401);
}

#[test]
fn who_speaks_no_tls_is_told_so() {
    let staff = over_tls(&pair(), |serve| serve);
    let mut plain = TcpStream::connect(staff.address()).unwrap();
    let answer = send_on(&mut plain, "GET", "/healthz", &[], b"");
    assert!(answer.problem(400)["detail"].as_str().unwrap().contains("https://"));
    // What is neither is let go.
    let mut noise = TcpStream::connect(staff.address()).unwrap();
    noise.write_all(&[0; 64]).unwrap();
    let mut rest = Vec::new();
    let _ = noise.read_to_end(&mut rest);
    assert!(!rest.starts_with(b"HTTP"));
}

/// Those who do not get on with their handshake are many, and everybody else is answered.
#[test]
fn a_handshake_that_stalls_holds_up_nobody() {
    let pair = pair();
    let staff = over_tls(&pair, |serve| serve);
    let stalled: Vec<TcpStream> = (0..50)
        .map(|number| {
            let mut stream = TcpStream::connect(staff.address()).unwrap();
            // Nothing at all, or the head of a record whose body does not come.
            if number % 2 == 0 {
                stream.write_all(&[22, 3, 1, 2, 0]).unwrap();
            }
            stream
        })
        .collect();
    let mut stream = connect(staff.address(), pair.cert.der(), rustls::ALL_VERSIONS).unwrap();
    send_on(&mut stream, "GET", "/healthz", &[], b"").ok();
    // Nor do they hold up the end, for which the server would wait half a minute.
    let Staff { served, .. } = staff;
    assert!(served.stop().is_clean());
    drop(stalled);
}

#[test]
fn a_handshake_that_stalls_is_cut_off() {
    let staff = over_tls(&pair(), |serve| serve.with_header_timeout(Duration::from_millis(20)));
    for sent in [&b""[..], &[22, 3, 1, 2, 0]] {
        let mut stalled = TcpStream::connect(staff.address()).unwrap();
        stalled.write_all(sent).unwrap();
        let mut rest = Vec::new();
        // The end, or a reset: the connection is closed either way.
        let _ = stalled.read_to_end(&mut rest);
        assert!(!rest.starts_with(b"HTTP"));
    }
}

#[test]
fn a_client_that_does_not_trust_the_certificate_goes_and_others_come() {
    let pair = pair();
    let staff = over_tls(&pair, |serve| serve);
    let stranger = self::pair();
    assert!(connect(staff.address(), stranger.cert.der(), rustls::ALL_VERSIONS).is_err());
    let mut stream = connect(staff.address(), pair.cert.der(), rustls::ALL_VERSIONS).unwrap();
    send_on(&mut stream, "GET", "/healthz", &[], b"").ok();
}

/// A request on a connection that is open goes on; the next handshake shows the new certificate.
#[test]
fn a_renewed_certificate_is_used_without_a_restart() {
    let (old, new) = (pair(), pair());
    let staff = over_tls(&old, |serve| serve);
    let folder = staff.folder.path();
    let mut open = connect(staff.address(), old.cert.der(), rustls::ALL_VERSIONS).unwrap();
    // As long as only one of the two files is new, the old pair is used.
    std::fs::write(folder.join("cert.pem"), new.cert.pem()).unwrap();
    let mut stream = connect(staff.address(), old.cert.der(), rustls::ALL_VERSIONS).unwrap();
    send_on(&mut stream, "GET", "/healthz", &[], b"").ok();
    write(folder, &new);
    let mut stream = loop {
        if let Ok(stream) = connect(staff.address(), new.cert.der(), rustls::ALL_VERSIONS) {
            break stream;
        }
    };
    send_on(&mut stream, "GET", "/healthz", &[], b"").ok();
    send_on(&mut open, "GET", "/healthz", &[], b"").ok();
}

#[test]
fn a_request_that_is_under_way_over_tls_is_finished_at_the_end() {
    let pair = pair();
    let staff = over_tls(&pair, |serve| serve);
    let mut slow = connect(staff.address(), pair.cert.der(), rustls::ALL_VERSIONS).unwrap();
    let key = staff.key(Scope::Record);
    let head = format!(
        "POST /event HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\nexpect: 100-continue\r\n\
         content-length: 31\r\n\r\n"
    );
    slow.write_all(head.as_bytes()).unwrap();
    slow.flush().unwrap();
    slow.read_exact(&mut [0; 25]).unwrap();
    let (address, Staff { served, folder, .. }) = (staff.address(), staff);
    let stopping = std::thread::spawn(move || served.stop());
    while TcpStream::connect(address).is_ok() {
        std::thread::yield_now();
    }
    slow.write_all(br#"{"type":"OVERRIDE","actor":"a"}"#).unwrap();
    assert_eq!(read(&mut slow).ok()["ok"], true);
    assert!(stopping.join().unwrap().is_clean());
    drop(folder);
}
