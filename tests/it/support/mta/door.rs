//! A mail server's further ports: each with its own certificate, its own kind of TLS, and AUTH or none.

use std::{fmt::Write as _, fs, net::SocketAddr, path::Path};

use crate::support::authority::Identity;

/// One port.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    tls: Tls,
    auth: Auth,
    settings: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
enum Tls {
    None,
    Start(Identity),
    Implicit(Identity),
}

/// Whether accounts are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Auth {
    /// Only who has an account may send, and only over TLS is AUTH offered.
    Needed,
    /// Anybody may send; AUTH is not offered.
    NotOffered,
}

impl Door {
    /// STARTTLS is offered.
    pub(crate) const fn starttls(identity: Identity) -> Self {
        Self::of(Tls::Start(identity))
    }

    /// TLS from the first octet.
    pub(crate) const fn implicit_tls(identity: Identity) -> Self {
        Self::of(Tls::Implicit(identity))
    }

    /// No TLS at all; AUTH is not offered either.
    pub(crate) const fn clear() -> Self {
        Self::of(Tls::None).without_auth()
    }

    const fn of(tls: Tls) -> Self {
        Self {
            tls,
            auth: Auth::Needed,
            settings: Vec::new(),
        }
    }

    /// The same without AUTH.
    pub(crate) const fn without_auth(mut self) -> Self {
        self.auth = Auth::NotOffered;
        self
    }

    /// A line of `main.cf` that holds for this port; its value has no blanks.
    pub(crate) fn with_setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Its entry in `master.cf`; its key and certificates are put into `home`.
    pub(super) fn lay_out(&self, home: &Path, addr: SocketAddr) -> String {
        let mut entry = format!("{addr} inet n - n - - smtpd\n");
        let mut set = |name: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(entry, "    -o {name}={value}");
        };
        match &self.tls {
            Tls::None => {}
            Tls::Start(identity) => {
                set("smtpd_tls_security_level", "may");
                set("smtpd_tls_chain_files", &keep(home, addr, identity));
            }
            Tls::Implicit(identity) => {
                set("smtpd_tls_wrappermode", "yes");
                set("smtpd_tls_chain_files", &keep(home, addr, identity));
            }
        }
        if self.auth == Auth::Needed {
            set("smtpd_sasl_auth_enable", "yes");
            set("smtpd_tls_auth_only", "yes");
            set("smtpd_client_restrictions", "permit_sasl_authenticated,reject");
        }
        for (name, value) in &self.settings {
            set(name, value);
        }
        entry
    }
}

fn keep(home: &Path, addr: SocketAddr, identity: &Identity) -> String {
    let path = home.join(format!("{}.pem", addr.port()));
    fs::write(&path, &identity.0).unwrap();
    path.display().to_string()
}
