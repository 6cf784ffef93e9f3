//! The way to the server: encrypted, and to the right one.

use std::path::Path;
use std::process::Command;

use apmt_core::{ErrorKind, Store};
use apmt_store_postgres::PostgresStore;
use futures_lite::future::block_on;

use crate::cluster::{Cluster, give, run};
use crate::support::{append, decisions};

/// An authority, and a certificate of its for 127.0.0.1.
fn make_certificates(folder: &Path) {
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let openssl =
        |arguments: &[&str]| run(Command::new("openssl").args(arguments).env("RANDFILE", "/dev/null"));
    let path = |name: &str| folder.join(name).display().to_string();
    for authority in ["authority", "stranger"] {
        let subject = format!("/CN={authority}");
        let (secret, certificate) = (path(&format!("{authority}.key")), path(&format!("{authority}.pem")));
        openssl(
            &[
                &["req", "-x509", "-days", "2", "-subj", &subject],
                &key[..],
                &["-keyout", &secret, "-out", &certificate],
            ]
            .concat(),
        );
    }
    let (secret, request) = (path("server.key"), path("server.csr"));
    let named = ["-subj", "/CN=server", "-addext", "subjectAltName=IP:127.0.0.1"];
    openssl(&[&["req"], &key[..], &named, &["-keyout", &secret, "-out", &request]].concat());
    openssl(&[
        "x509",
        "-req",
        "-days",
        "2",
        "-copy_extensions",
        "copy",
        "-in",
        &request,
        "-out",
        &path("server.pem"),
        "-CA",
        &path("authority.pem"),
        "-CAkey",
        &path("authority.key"),
        "-CAcreateserial",
    ]);
    give(&folder.join("server.key"));
}

#[test]
fn the_server_is_verified_as_the_url_asks() {
    let folder = tempfile::tempdir().unwrap();
    // PostgreSQL's user reads what lies in it.
    run(Command::new("chmod").arg("755").arg(folder.path()));
    make_certificates(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let settings = [
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", file("server.pem")),
        format!("ssl_key_file={}", file("server.key")),
    ];
    let cluster = Cluster::start(&settings.each_ref().map(String::as_str));
    cluster.sql("postgres", "CREATE ROLE anne LOGIN PASSWORD 'secret'");
    cluster.sql("postgres", "CREATE DATABASE apmt OWNER anne");
    // Nobody gets in without TLS; anne proves herself, bound to the channel.
    cluster.stop("fast");
    let rules = "local all all trust\nhostssl all anne all scram-sha-256\nhostssl all postgres all trust\n";
    std::fs::write(cluster.data().join("pg_hba.conf"), rules).unwrap();
    cluster.run();

    let url = |host: &str, options: &str| {
        format!("postgres://anne:secret@{host}:{}/apmt?channel_binding=require&{options}", cluster.port())
    };
    let opens = |host: &str, options: &str| {
        let store = PostgresStore::open(&url(host, options)).unwrap();
        append(&store, decisions("anne", 1));
        block_on(store.close()).unwrap();
    };
    let refused = |url: &str| {
        let error = PostgresStore::open(url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        error.to_string()
    };
    let authority = format!("sslrootcert={}", file("authority.pem"));
    let stranger = format!("sslrootcert={}", file("stranger.pem"));
    opens("127.0.0.1", "");
    opens("127.0.0.1", "sslmode=prefer");
    for mode in ["require", "verify-full", "verify-ca"] {
        opens("127.0.0.1", &format!("sslmode={mode}&{authority}"));
        for options in [format!("sslmode={mode}"), format!("sslmode={mode}&{stranger}")] {
            let said = refused(&url("127.0.0.1", &options));
            assert!(said.contains("certificate is not trusted"), "{said}");
        }
    }
    // The certificate names an address, and no host.
    opens("localhost", &format!("sslmode=verify-ca&{authority}"));
    refused(&url("localhost", &format!("sslmode=verify-full&{authority}")));
    refused(&url("127.0.0.1", "").replace(":secret@", ":secrets@"));
    refused(&url("127.0.0.1", "sslmode=disable").replace("channel_binding=require&", ""));
    let error = PostgresStore::open(&url("127.0.0.1", "sslrootcert=/no/such/file")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("sslrootcert"), "{error}");
}

#[test]
fn a_server_without_tls_is_not_told_what_should_be_secret() {
    let cluster = Cluster::start(&["fsync=off"]);
    let error = PostgresStore::open(&format!("{}?sslmode=require", cluster.url("postgres"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert!(error.to_string().contains("TLS"), "{error}");
    assert!(PostgresStore::open(&format!("{}?sslmode=prefer", cluster.url("postgres"))).is_ok());
}
