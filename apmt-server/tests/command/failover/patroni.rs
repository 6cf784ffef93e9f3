//! A Patroni cluster of three on loopback, in synchronous mode, with its etcd: started and ended by the test.
//!
//! Every process has its folder in the test's as its working directory. By that they are found and killed, at the end
//! by `.ci/failover` as well.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::cluster::{bin, free_port, give, unprivileged};

const NODES: usize = 3;
/// How long the cluster may take to become whole: a member that was killed is rewound, and copies what it lacks.
const PATIENCE: Duration = Duration::from_secs(180);

pub(super) struct Patroni {
    folder: TempDir,
    nodes: Vec<Node>,
    processes: Vec<Child>,
}

struct Node {
    name: String,
    folder: PathBuf,
    port: u16,
    /// Where it tells how the cluster is.
    rest: u16,
}

impl Patroni {
    pub(super) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("apmt-failover-").tempdir().unwrap();
        give(folder.path());
        let make = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).unwrap();
            give(&path);
            path
        };
        let (etcd, client, peer) = (make("etcd"), address(free_port()), address(free_port()));
        let keeper = spawn(
            &etcd,
            unprivileged("etcd").args(["--name=etcd", "--data-dir=data", "--logger=zap"]).args([
                format!("--listen-client-urls=http://{client}"),
                format!("--advertise-client-urls=http://{client}"),
                format!("--listen-peer-urls=http://{peer}"),
                format!("--initial-advertise-peer-urls=http://{peer}"),
                format!("--initial-cluster=etcd=http://{peer}"),
            ]),
        );
        let nodes = (1..=NODES).map(|number| {
            let name = format!("node{number}");
            Node { folder: make(&name), name, port: free_port(), rest: free_port() }
        });
        let nodes: Vec<Node> = nodes.collect();
        let processes = nodes.iter().map(|node| {
            std::fs::write(node.folder.join("patroni.yaml"), node.settings(&client)).unwrap();
            node.run()
        });
        let processes = [keeper].into_iter().chain(processes).collect();
        Self { folder, nodes, processes }
    }

    /// The database's URL: every node, of which the one that may be written is to be taken.
    pub(super) fn url(&self) -> String {
        let hosts: Vec<String> = self.nodes.iter().map(|node| address(node.port)).collect();
        let options = "target_session_attrs=read-write&connect_timeout=2&sslmode=disable";
        format!("postgres://postgres@{}/postgres?{options}", hosts.join(","))
    }

    /// Waits until there is a leader, all others follow it, and one of them synchronously.
    pub(super) fn wait_until_whole(&self) {
        let end = Instant::now() + PATIENCE;
        loop {
            let members = self.members();
            let of = |role: &str| members.iter().filter(|member| member["role"] == role).count();
            let runs = |member: &Value| {
                matches!(member["state"].as_str(), Some("running" | "streaming"))
                    && (member["role"] == "leader" || member["lag"].as_u64().is_some_and(|lag| lag < 1 << 20))
            };
            if members.len() == NODES
                && members.iter().all(runs)
                && of("leader") == 1
                && of("sync_standby") == 1
            {
                return;
            }
            assert!(Instant::now() < end, "the cluster does not become whole: {members:?}");
            sleep(Duration::from_millis(200));
        }
    }

    /// What the first node that answers says of the cluster.
    fn members(&self) -> Vec<Value> {
        let ask = |node: &Node| {
            let url = format!("http://{}/cluster", address(node.rest));
            let asked =
                Command::new("curl").args(["--silent", "--noproxy", "*", "--max-time", "5", &url]).output();
            let asked = asked.unwrap_or_else(|error| panic!("this test needs curl: {error}"));
            let answer: Value = serde_json::from_slice(&asked.stdout).ok()?;
            answer["members"].as_array().cloned()
        };
        self.nodes.iter().find_map(ask).unwrap_or_default()
    }

    /// Kills the leader, as if its machine lost its power: Patroni there, and all of its PostgreSQL. Returns its name.
    pub(super) fn kill_leader(&self) -> String {
        let members = self.members();
        let leader = members.iter().find(|member| member["role"] == "leader").unwrap();
        let name = leader["name"].as_str().unwrap().to_owned();
        kill_in(&self.node(&name).folder);
        name
    }

    /// Starts a node that was killed.
    pub(super) fn bring_back(&mut self, name: &str) {
        let process = self.node(name).run();
        self.processes.push(process);
    }

    fn node(&self, name: &str) -> &Node {
        self.nodes.iter().find(|node| node.name == name).unwrap()
    }
}

impl Drop for Patroni {
    fn drop(&mut self) {
        kill_in(self.folder.path());
        for process in &mut self.processes {
            let _ = process.wait();
        }
        if std::thread::panicking() {
            for node in &self.nodes {
                let log = std::fs::read_to_string(node.folder.join("log")).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                eprintln!("{}:\n{}", node.name, lines[lines.len().saturating_sub(30)..].join("\n"));
            }
        }
    }
}

impl Node {
    fn run(&self) -> Child {
        spawn(&self.folder, unprivileged("patroni").arg("patroni.yaml"))
    }

    /// A leader that is silent for `ttl` seconds is replaced. Without a standby that has everything, nothing is written.
    fn settings(&self, etcd: &str) -> String {
        let Self { name, folder, port, rest } = self;
        let (folder, bin) = (folder.display(), bin().display());
        format!(
            "scope: apmt
name: {name}
restapi: {{listen: '127.0.0.1:{rest}', connect_address: '127.0.0.1:{rest}'}}
etcd3: {{host: '{etcd}'}}
bootstrap:
  dcs:
    ttl: 15
    loop_wait: 2
    retry_timeout: 5
    synchronous_mode: true
    synchronous_mode_strict: true
    postgresql: {{use_pg_rewind: true}}
  initdb: [encoding: UTF8, no-locale, {{auth: trust}}]
  pg_hba:
    - local all all trust
    - host all all 127.0.0.1/32 trust
    - host replication all 127.0.0.1/32 trust
postgresql:
  listen: 127.0.0.1:{port}
  connect_address: 127.0.0.1:{port}
  data_dir: {folder}/data
  bin_dir: {bin}
  pgpass: {folder}/pgpass
  authentication:
    superuser: {{username: postgres}}
    replication: {{username: replicator}}
  parameters: {{unix_socket_directories: '{folder}'}}
"
        )
    }
}

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// Starts a program in that folder, where it logs as well.
fn spawn(folder: &Path, command: &mut Command) -> Child {
    let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
    command.current_dir(folder).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    let package = "bash .ci/failover installs Debian's packages patroni and etcd-server";
    command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}: {package}"))
}

/// Kills every process that works in that folder.
fn kill_in(folder: &Path) {
    // A process that ends in between is no longer listed, and one that has just been forked is found the next time.
    loop {
        let processes = std::fs::read_dir("/proc").unwrap().flatten().filter(|process| {
            let works_in = std::fs::read_link(process.path().join("cwd"));
            works_in.is_ok_and(|works_in| works_in.starts_with(folder))
        });
        let ids: Vec<String> =
            processes.filter_map(|process| process.file_name().into_string().ok()).collect();
        if ids.is_empty() {
            return;
        }
        let _ = Command::new("kill").arg("-9").args(&ids).stderr(Stdio::null()).status();
    }
}
