//! A name server for one test (RFC 1035): it says what it was told to, another thing each time if need be, and remembers
//! what it was asked.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use tokio::net::UdpSocket;

const HEADER: usize = 12;
const A: u16 = 1;
const AAAA: u16 = 28;

/// What is answered about each name: one set of addresses after the other, the last one from then on.
pub(crate) type Answers = HashMap<String, Vec<Vec<IpAddr>>>;

/// A running name server.
pub(crate) struct NameServer {
    asked: Arc<Mutex<Vec<Question>>>,
}

#[derive(Clone, PartialEq, Eq)]
struct Question {
    name: String,
    kind: u16,
}

impl NameServer {
    /// Starts at port 53 of the loopback, where the resolver looks.
    pub(crate) async fn start(answers: Answers) -> Self {
        let socket = UdpSocket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 53)))
            .await
            .unwrap();
        let server = Self { asked: Arc::default() };
        let asked = Arc::clone(&server.asked);
        tokio::spawn(async move {
            let mut packet = [0; 512];
            loop {
                let (length, from) = socket.recv_from(&mut packet).await.unwrap();
                let reply = reply(&packet[..length], &answers, &mut asked.lock().unwrap());
                socket.send_to(&reply, from).await.unwrap();
            }
        });
        server
    }

    /// How often it was asked for a name's IPv4 addresses.
    pub(crate) fn times_asked(&self, name: &str) -> usize {
        let question = Question {
            name: name.to_owned(),
            kind: A,
        };
        self.asked
            .lock()
            .unwrap()
            .iter()
            .filter(|asked| **asked == question)
            .count()
    }
}

fn reply(query: &[u8], answers: &Answers, asked: &mut Vec<Question>) -> Vec<u8> {
    let (question, end) = read_question(query);
    let turn = asked.iter().filter(|earlier| **earlier == question).count();
    let sets = answers.get(&question.name);
    let addresses: Vec<Vec<u8>> = sets
        .and_then(|sets| sets.get(turn).or(sets.last()))
        .into_iter()
        .flatten()
        .filter_map(|address| octets(*address, question.kind))
        .collect();
    let mut reply = query[..2].to_vec();
    // An answer, recursion available; "no such name" for what is not in the list.
    reply.extend([0x81, if sets.is_some() { 0x80 } else { 0x83 }, 0, 1, 0]);
    reply.push(u8::try_from(addresses.len()).unwrap());
    reply.extend([0; 4]);
    reply.extend(&query[HEADER..end]);
    for address in addresses {
        // The name of the question, its type, the Internet, to be forgotten at once.
        reply.extend([0xc0, 12]);
        reply.extend(question.kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 0, 0]);
        reply.push(u8::try_from(address.len()).unwrap());
        reply.extend(address);
    }
    asked.push(question);
    reply
}

/// The one question of a query, and where it ends.
fn read_question(query: &[u8]) -> (Question, usize) {
    let mut labels = Vec::new();
    let mut at = HEADER;
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..end]).to_ascii_lowercase());
        at = end;
    }
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let name = labels.join(".");
    (Question { name, kind }, at + 5)
}

fn octets(address: IpAddr, kind: u16) -> Option<Vec<u8>> {
    match (address, kind) {
        (IpAddr::V4(v4), A) => Some(v4.octets().to_vec()),
        (IpAddr::V6(v6), AAAA) => Some(v6.octets().to_vec()),
        _ => None,
    }
}
