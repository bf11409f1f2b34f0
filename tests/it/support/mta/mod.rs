//! A real mail server for one test: Postfix, as an instance of its own that delivers into a maildir, with Dovecot beside it
//! where it has to know passwords.
//!
//! Our own inbox answers as we read the standards; Postfix shows how the world reads them. Each test has its own folder,
//! port and processes, so that tests can run side by side, and nothing can leave the machine: what is neither for a
//! delivered domain nor for the relay host is bounced.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::environment::{self, told_by_runner};

mod door;
mod dovecot;

pub(crate) use door::Door;
use dovecot::Dovecot;

const DEADLINE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
/// Whoever owns the maildir must not be root; any account without rights will do.
const NOBODY: u32 = 65_534;
/// A test that is killed cannot stop its server; the server then ends by itself.
const LONGEST_LIFE: Duration = Duration::from_mins(10);

/// What a mail server does with what it is given.
#[derive(Debug, Clone, Default)]
pub(crate) struct MtaOptions {
    domains: Vec<String>,
    settings: Vec<(String, String)>,
    accounts: Vec<(String, String)>,
    doors: Vec<(&'static str, Door)>,
}

impl MtaOptions {
    /// A server that keeps the mail of every recipient of `domain`.
    pub(crate) fn for_domain(domain: &str) -> Self {
        Self {
            domains: vec![domain.to_owned()],
            ..Self::default()
        }
    }

    /// Hands mail for all other domains to the server at `next`.
    pub(crate) fn relaying_to(self, next: SocketAddr) -> Self {
        self.with_setting("default_transport", "smtp")
            .with_setting("relayhost", &format!("[{}]:{}", next.ip(), next.port()))
    }

    /// A further line of `main.cf`; the last one of a name counts.
    pub(crate) fn with_setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Somebody who may send through the doors that ask for it.
    pub(crate) fn with_account(mut self, name: &str, password: &str) -> Self {
        self.accounts.push((name.to_owned(), password.to_owned()));
        self
    }

    /// A further port, to be asked for by this name.
    pub(crate) fn with_door(mut self, name: &'static str, door: Door) -> Self {
        self.doors.push((name, door));
        self
    }
}

/// A running Postfix, stopped and removed with this value.
pub(crate) struct Mta {
    // Before its folder, which it needs to end.
    dovecot: Option<Dovecot>,
    home: TempDir,
    addr: SocketAddr,
    doors: Vec<(&'static str, SocketAddr)>,
    master: Child,
}

impl Mta {
    /// Starts a server and waits for its greeting; `None` where the runner said that there is none to be had.
    pub(crate) async fn start(options: MtaOptions) -> Option<Self> {
        if told_by_runner(environment::WITHOUT_MTA).is_some() {
            return None;
        }
        let programs = find_postfix();
        let home = TempDir::with_prefix("letterhead-mta-").expect("a temporary folder");
        let addr = free_address();
        let doors: Vec<_> = options.doors.iter().map(|(name, _)| (*name, free_address())).collect();
        lay_out(home.path(), addr, &options, &doors);
        let dovecot = if options.accounts.is_empty() {
            None
        } else {
            Some(Dovecot::start(home.path(), &options.accounts).await)
        };
        let master = start_master(&programs, home.path());
        let mta = Self {
            dovecot,
            home,
            addr,
            doors,
            master,
        };
        mta.greeted().await;
        Some(mta)
    }

    /// Where it listens; SMTP without TLS, unless the settings say otherwise.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where a door is.
    pub(crate) fn door(&self, name: &str) -> SocketAddr {
        let door = self.doors.iter().find(|(known, _)| *known == name);
        door.unwrap_or_else(|| panic!("no door {name:?}")).1
    }

    /// Whether anybody has tried to authenticate, with whatever result.
    pub(crate) fn heard_credentials(&self) -> bool {
        let asked = |dovecot: &Dovecot| dovecot.log().contains("client in: AUTH");
        self.dovecot.as_ref().is_some_and(asked)
    }

    /// The raw mails in order of arrival, as soon as there are at least `count`; Postfix put `Return-Path`,
    /// `X-Original-To` and `Delivered-To` before each.
    pub(crate) async fn mails(&self, count: usize) -> Vec<Vec<u8>> {
        let all = timeout(DEADLINE, async {
            loop {
                let mails = self.delivered();
                if mails.len() >= count {
                    break mails;
                }
                sleep(POLL).await;
            }
        });
        all.await
            .unwrap_or_else(|_| panic!("fewer than {count} mails in {DEADLINE:?}:\n{}", self.log()))
    }

    /// What Postfix logged so far, to read after a failure.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }

    fn delivered(&self) -> Vec<Vec<u8>> {
        // Postfix makes the folder with the first mail.
        let Ok(folder) = fs::read_dir(self.home.path().join("mail/inbox/new")) else {
            return Vec::new();
        };
        let mut paths: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
        paths.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
        paths.iter().map(|path| fs::read(path).unwrap()).collect()
    }

    async fn greeted(&self) {
        let greeting = timeout(DEADLINE, async {
            loop {
                if let Ok(stream) = TcpStream::connect(self.addr).await {
                    break BufReader::new(stream).lines().next_line().await;
                }
                sleep(POLL).await;
            }
        });
        let line = greeting
            .await
            .unwrap_or_else(|_| panic!("Postfix did not start:\n{}", self.log()));
        assert!(
            line.unwrap().is_some_and(|line| line.starts_with("220 ")),
            "{}",
            self.log()
        );
    }
}

impl Drop for Mta {
    fn drop(&mut self) {
        let asked = Command::new("postfix")
            .arg("-c")
            .arg(self.home.path().join("etc"))
            .arg("stop")
            .status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.master.kill();
        }
        let _ = self.master.wait();
    }
}

/// The folder of Postfix's programs that nobody calls by hand.
fn find_postfix() -> PathBuf {
    let root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let asked = Command::new("postconf").args(["-d", "-h", "daemon_directory"]).output();
    let (true, Ok(answer)) = (root, asked) else {
        panic!(
            "a real mail server needs root and Debian's `postfix`; set {}=1 to do without",
            environment::WITHOUT_MTA
        );
    };
    PathBuf::from(String::from_utf8_lossy(&answer.stdout).trim())
}

fn free_address() -> SocketAddr {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    probe.local_addr().expect("its address")
}

fn lay_out(home: &Path, addr: SocketAddr, options: &MtaOptions, doors: &[(&str, SocketAddr)]) {
    // Postfix's processes run under accounts of their own and must reach their folders.
    fs::set_permissions(home, fs::Permissions::from_mode(0o755)).unwrap();
    for folder in ["etc", "queue", "data", "mail"] {
        fs::create_dir(home.join(folder)).unwrap();
    }
    let postfix = account("postfix");
    chown(home.join("data"), Some(postfix), None).unwrap();
    chown(home.join("mail"), Some(NOBODY), Some(NOBODY)).unwrap();
    write_settled(&home.join("etc/main.cf"), &main_cf(home, options));
    let further = options.doors.iter().zip(doors);
    let further: String = further
        .map(|((_, door), (_, addr))| door.lay_out(home, *addr))
        .collect();
    write_settled(&home.join("etc/master.cf"), &(master_cf(addr) + &further));
}

/// Writes a file that looks old: each of Postfix's programs waits until its configuration is two seconds old, lest it
/// read half of it.
fn write_settled(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
}

fn account(name: &str) -> u32 {
    let accounts = fs::read_to_string("/etc/passwd").expect("the list of accounts");
    let line = accounts
        .lines()
        .find(|line| line.split(':').next() == Some(name))
        .expect("the account");
    line.split(':')
        .nth(2)
        .and_then(|uid| uid.parse().ok())
        .expect("its number")
}

fn main_cf(home: &Path, options: &MtaOptions) -> String {
    let home = home.display();
    let mut lines = format!(
        "compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/log
maillog_file_prefixes = {home}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mta.localhost
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
disable_dns_lookups = yes
default_transport = error:5.4.4 nothing leaves this machine
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {home}/mail
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:{NOBODY}
virtual_gid_maps = static:{NOBODY}
virtual_minimum_uid = 1
smtpd_sasl_type = dovecot
smtpd_sasl_path = {home}/sasl
smtpd_error_sleep_time = 0
",
        domains = options.domains.join(", "),
    );
    lines.extend(
        options
            .settings
            .iter()
            .map(|(name, value)| format!("{name} = {value}\n")),
    );
    lines
}

/// Postfix's usual services, without those for local accounts and without change roots, which would need files copied.
fn master_cf(addr: SocketAddr) -> String {
    format!(
        "{addr} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"
    )
}

/// Starts Postfix's first process ourselves rather than through `postfix start`, which would leave it to nobody.
fn start_master(programs: &Path, home: &Path) -> Child {
    let etc = home.join("etc");
    // Also makes the folders of the queue.
    let checked = Command::new("postfix")
        .arg("-c")
        .arg(&etc)
        .arg("check")
        .status()
        .expect("postfix runs");
    assert!(checked.success(), "Postfix refuses its configuration");
    Command::new(programs.join("master"))
        .arg("-c")
        .arg(etc)
        .args(["-e", &LONGEST_LIFE.as_secs().to_string()])
        .stdin(Stdio::null())
        .spawn()
        .expect("Postfix starts")
}

mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    async fn submit(addr: SocketAddr, recipient: &str) {
        let (reading, mut writing) = TcpStream::connect(addr).await.unwrap().into_split();
        let mut replies = BufReader::new(reading).lines();
        let to = format!("RCPT TO:<{recipient}>");
        let mail = "Subject: hello\r\n\r\n..a line that starts with a dot\r\n.";
        let dialogue = [
            ("HELO client.localhost", "250"),
            ("MAIL FROM:<pam@globex.example>", "250"),
            (&to, "250"),
        ];
        let end = [("DATA", "354"), (mail, "250"), ("QUIT", "221")];
        assert!(replies.next_line().await.unwrap().unwrap().starts_with("220"));
        for (line, expected) in dialogue.into_iter().chain(end) {
            writing.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
            let reply = replies.next_line().await.unwrap().unwrap();
            assert!(reply.starts_with(expected), "{line}: {reply}");
        }
    }

    #[tokio::test]
    async fn postfix_delivers_what_it_is_given() {
        let Some(mta) = Mta::start(MtaOptions::for_domain("acme.example")).await else {
            return; // Declared absent by the runner.
        };

        submit(mta.addr(), "bob@acme.example").await;

        let mails = mta.mails(1).await;
        let mail = String::from_utf8_lossy(&mails[0]);
        assert!(mail.contains("Delivered-To: bob@acme.example\n"), "{mail}");
        assert!(mail.ends_with("\n\n.a line that starts with a dot\n"), "{mail}");
    }

    #[tokio::test]
    async fn postfix_passes_mail_for_other_domains_to_its_relay_host() {
        let Some(last) = Mta::start(MtaOptions::for_domain("acme.example")).await else {
            return; // Declared absent by the runner.
        };
        let options = MtaOptions::for_domain("globex.example").relaying_to(last.addr());
        let first = Mta::start(options).await.unwrap();

        submit(first.addr(), "bob@acme.example").await;

        let mails = last.mails(1).await;
        assert!(String::from_utf8_lossy(&mails[0]).contains("Delivered-To: bob@acme.example\n"));
    }
}
