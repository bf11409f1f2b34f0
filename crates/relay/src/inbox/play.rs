//! Carries out what a script says: the one place where a behaviour becomes octets.
//!
//! What the client will have read decides how the session goes on, so the code of a behaviour is known before it is played:
//! a message is kept before its 250 goes out.

use tokio::time::sleep;

use super::{
    script::{Behaviour, FloodOf},
    wire::{End, Wire},
};

/// One coming step: what the script wants, and what would be said without it.
#[derive(Debug)]
pub(super) struct Act {
    behaviour: Behaviour,
    usual: String,
}

impl Act {
    pub(super) fn new(behaviour: Behaviour, usual: impl Into<String>) -> Self {
        Self {
            behaviour,
            usual: usual.into(),
        }
    }

    /// The code the server stands by; none where it never says one.
    pub(super) fn code(&self) -> Option<u16> {
        match &self.behaviour {
            Behaviour::Reply(text) | Behaviour::ReplyThenDrop(text) => code_of(text),
            Behaviour::Hang | Behaviour::Drop | Behaviour::Garbage(_) | Behaviour::Flood(FloodOf::Endless) => None,
            Behaviour::Usual
            | Behaviour::Delay(_)
            | Behaviour::Drip { .. }
            | Behaviour::Flood(FloodOf::Lines(_) | FloodOf::Octets(_))
            | Behaviour::AcceptThenDrop
            | Behaviour::TakeThenDrop { .. }
            | Behaviour::TakeThenStall { .. }
            | Behaviour::LeftOver(_) => code_of(&self.usual),
        }
    }

    /// Plays it; an error ends the session.
    pub(super) async fn perform(self, wire: &mut Wire) -> Result<(), End> {
        let usual = with_crlf(&self.usual);
        match self.behaviour {
            Behaviour::Usual => wire.write(usual.as_bytes()).await,
            Behaviour::Reply(text) => wire.write(with_crlf(&text).as_bytes()).await,
            Behaviour::ReplyThenDrop(text) => {
                wire.write(with_crlf(&text).as_bytes()).await?;
                Err(End::Over)
            }
            Behaviour::Hang => hang(wire).await,
            Behaviour::Drop | Behaviour::AcceptThenDrop => Err(End::Over),
            Behaviour::Delay(pause) => {
                sleep(pause).await;
                wire.write(usual.as_bytes()).await
            }
            Behaviour::Drip { every } => {
                for octet in usual.bytes() {
                    sleep(every).await;
                    wire.write(&[octet]).await?;
                }
                Ok(())
            }
            Behaviour::Flood(of) => flood(wire, of, &usual).await,
            Behaviour::Garbage(octets) => wire.write(&octets).await,
            Behaviour::TakeThenDrop { octets } => {
                wire.write(usual.as_bytes()).await?;
                wire.discard(octets).await?;
                Err(End::Over)
            }
            Behaviour::TakeThenStall { octets } => {
                wire.write(usual.as_bytes()).await?;
                wire.discard(octets).await?;
                // Ends with the server: nothing is read, so the client's going is not seen.
                std::future::pending().await
            }
            Behaviour::LeftOver(octets) => wire.write(&[usual.as_bytes(), &octets].concat()).await,
        }
    }
}

/// Waits, without a word, until the client goes.
async fn hang(wire: &mut Wire) -> Result<(), End> {
    loop {
        match wire.discard(1).await {
            Ok(()) | Err(End::Idle) => {}
            Err(end @ (End::Closed | End::Over)) => return Err(end),
        }
    }
}

async fn flood(wire: &mut Wire, of: FloodOf, usual: &str) -> Result<(), End> {
    let code = usual.get(..3).unwrap_or("250");
    let line = format!("{code}-and so on\r\n");
    match of {
        FloodOf::Lines(lines) => wire.write(line.repeat(lines).as_bytes()).await?,
        FloodOf::Octets(octets) => {
            let long = format!("{code}-{}\r\n", "x".repeat(octets.saturating_sub(6)));
            wire.write(long.as_bytes()).await?;
        }
        FloodOf::Endless => {
            let lines = line.repeat(1000);
            loop {
                wire.write(lines.as_bytes()).await?;
            }
        }
    }
    wire.write(usual.as_bytes()).await
}

fn code_of(reply: &str) -> Option<u16> {
    reply.get(..3)?.parse().ok()
}

fn with_crlf(reply: &str) -> String {
    if reply.is_empty() || reply.ends_with("\r\n") {
        reply.to_owned()
    } else {
        format!("{reply}\r\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_lies_stands_by_what_it_said() {
        let code = |behaviour| Act::new(behaviour, "250 2.0.0 Taken").code();
        assert_eq!(code(Behaviour::Usual), Some(250));
        assert_eq!(code(Behaviour::Reply("451-4.3.0 a\r\n451 4.3.0 b".into())), Some(451));
        assert_eq!(code(Behaviour::AcceptThenDrop), Some(250));
        assert_eq!(code(Behaviour::Drop), None);
        assert_eq!(code(Behaviour::Garbage(b"250 ok".to_vec())), None);
    }
}
