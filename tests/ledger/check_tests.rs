//! Forged ledgers: each breaks one promise, and is reported for that one.

use std::collections::HashSet;

use super::*;
use crate::book::now;

/// A submission and the message it became, with one delivery.
fn entry(number: u64, status: DeliveryStatus) -> (Asked, Stored) {
    let (message, delivery) = (format!("message-{number}"), format!("delivery-{number}"));
    let asked = Asked {
        number,
        cancelled: false,
        accepted: Some(Accepted {
            message: message.clone(),
            deliveries: vec![delivery.clone()],
            at: 1_000,
        }),
    };
    let stored = Stored {
        number: Some(number),
        message,
        supersede: None,
        expires_at: 100_000,
        deliveries: vec![StoredDelivery {
            id: delivery,
            to: "ok.1-0@mail.example".to_owned(),
            status,
            doubts: 0,
            doubted_at: None,
        }],
    };
    (asked, stored)
}

fn taken(number: u64, dot_at: Millis) -> Taken {
    Taken {
        delivery: format!("delivery-{number}"),
        node: "a".to_owned(),
        begun_at: dot_at - 10,
        dot_at,
        answered: true,
    }
}

/// One delivery that was sent as it should be.
fn sound() -> Evidence {
    let (asked, stored) = entry(1, DeliveryStatus::Sent);
    Evidence {
        asked: vec![asked],
        stored: vec![stored],
        taken: vec![taken(1, 2_000)],
        read_at: 50_000,
        ..Evidence::default()
    }
}

fn delivery() -> String {
    "delivery-1".to_owned()
}

fn kill(from: Millis) -> Fault {
    Fault {
        name: "kill",
        from,
        back: from + 100,
    }
}

#[test]
fn a_sound_ledger_balances() {
    assert_eq!(violations(&sound()), []);
    assert_eq!((duplicates(&sound()), bound(&sound())), (0, 0));
}

#[test]
fn what_was_accepted_and_is_not_in_the_store_is_lost() {
    let mut forged = sound();
    forged.stored.clear();
    forged.taken.clear();
    assert_eq!(violations(&forged), [Violation::Lost { delivery: delivery() }]);
}

#[test]
fn one_recipient_missing_of_a_stored_message_is_lost() {
    let mut forged = sound();
    forged.asked[0]
        .accepted
        .as_mut()
        .unwrap()
        .deliveries
        .push("delivery-9".to_owned());
    assert_eq!(
        violations(&forged),
        [Violation::Lost {
            delivery: "delivery-9".to_owned()
        }]
    );
}

#[test]
fn what_is_called_sent_and_never_arrived_is_lost() {
    let mut forged = sound();
    forged.taken.clear();
    assert_eq!(violations(&forged), [Violation::NeverArrived { delivery: delivery() }]);
}

#[test]
fn a_second_message_of_one_key_is_reported_and_so_is_one_nobody_asked_for() {
    let mut forged = sound();
    let mut second = forged.stored[0].clone();
    second.message = "message-1b".to_owned();
    second.deliveries.clear();
    forged.stored.push(second.clone());
    assert_eq!(
        violations(&forged),
        [Violation::SecondMessage { number: 1, messages: 2 }]
    );
    second.number = None;
    forged.stored[1] = second;
    assert_eq!(
        violations(&forged),
        [Violation::Stranger {
            message: "message-1b".to_owned()
        }]
    );
}

#[test]
fn a_duplicate_over_the_bound_is_reported_though_a_process_was_killed() {
    let mut forged = sound();
    forged.taken.push(taken(1, 9_000));
    forged.faults.push(kill(2_100));
    let over = Violation::OverTheBound {
        delivery: delivery(),
        copies: 2,
        doubts: 0,
    };
    assert_eq!(violations(&forged), [over]);
    assert_eq!(duplicates(&forged), 1);

    forged.stored[0].deliveries[0].doubts = 1;
    assert_eq!(violations(&forged), []);
    assert_eq!(bound(&forged), 1);
}

#[test]
fn a_duplicate_within_the_bound_needs_a_fault_or_a_lost_reply_between_the_two() {
    let mut forged = sound();
    forged.taken.push(taken(1, 9_000));
    forged.stored[0].deliveries[0].doubts = 1;
    forged.faults.push(kill(500));
    assert_eq!(violations(&forged), [Violation::Unexplained { delivery: delivery() }]);
    forged.taken[0].answered = false;
    assert_eq!(violations(&forged), []);
}

#[test]
fn a_code_that_arrives_after_its_end_is_reported() {
    let mut forged = sound();
    forged.stored[0].expires_at = -5_500;
    assert_eq!(
        violations(&forged),
        [Violation::TooLate {
            delivery: delivery(),
            late: 7_500
        }]
    );
}

#[test]
fn a_code_that_arrives_after_it_was_replaced_is_reported() {
    let mut forged = sound();
    let (mut newer, mut stored) = entry(2, DeliveryStatus::Sent);
    newer.accepted.as_mut().unwrap().at = -5_200;
    let key = Some((0, "two_factor_code".to_owned(), "user-1".to_owned()));
    stored.supersede.clone_from(&key);
    forged.stored[0].supersede = key;
    forged.asked.push(newer);
    forged.stored.push(stored);
    forged.taken.push(taken(2, 1_500));
    assert_eq!(
        violations(&forged),
        [Violation::Replaced {
            delivery: delivery(),
            late: 7_200
        }]
    );
}

#[test]
fn the_newest_of_a_key_must_not_be_superseded() {
    let mut forged = sound();
    forged.stored[0].supersede = Some((0, "two_factor_code".to_owned(), "user-1".to_owned()));
    forged.stored[0].deliveries[0].status = DeliveryStatus::Superseded;
    forged.taken.clear();
    assert_eq!(
        violations(&forged),
        [Violation::Orphaned {
            message: "message-1".to_owned()
        }]
    );
}

#[test]
fn what_still_waits_at_the_end_is_reported() {
    for status in [
        DeliveryStatus::Queued,
        DeliveryStatus::Sending,
        DeliveryStatus::Deferred,
    ] {
        let mut forged = sound();
        forged.stored[0].deliveries[0].status = status;
        assert_eq!(
            violations(&forged),
            [Violation::NotFinal {
                delivery: delivery(),
                status
            }]
        );
    }
}

#[test]
fn an_end_that_the_script_does_not_account_for_is_reported() {
    for status in [
        DeliveryStatus::Bounced,
        DeliveryStatus::Expired,
        DeliveryStatus::Cancelled,
        DeliveryStatus::Suppressed,
    ] {
        let mut forged = sound();
        forged.stored[0].deliveries[0].status = status;
        forged.taken.clear();
        assert_eq!(
            violations(&forged),
            [Violation::WithoutReason {
                delivery: delivery(),
                status
            }]
        );
    }
}

#[test]
fn mail_that_the_store_denies_without_a_doubt_is_reported() {
    let mut forged = sound();
    forged.stored[0].deliveries[0].status = DeliveryStatus::Expired;
    forged.stored[0].expires_at = 20_000;
    let status = DeliveryStatus::Expired;
    assert_eq!(
        violations(&forged),
        [Violation::Denied {
            delivery: delivery(),
            status
        }]
    );
}

#[test]
fn mail_of_a_delivery_that_is_not_in_the_store_is_reported() {
    let mut forged = sound();
    forged.taken.push(taken(7, 2_000));
    assert_eq!(
        violations(&forged),
        [Violation::UnknownMail {
            delivery: "delivery-7".to_owned()
        }]
    );
}

#[test]
fn a_dot_of_a_node_that_slept_past_its_lease_is_reported() {
    let mut forged = sound();
    forged.frozen.push(Frozen {
        node: "a".to_owned(),
        until: 1_999,
        held: Vec::new(),
        ended: HashSet::new(),
    });
    assert_eq!(
        violations(&forged),
        [Violation::AfterLease {
            delivery: delivery(),
            node: "a".to_owned()
        }]
    );
    forged.frozen[0].until = now();
    assert_eq!(violations(&forged), []);
}

#[test]
fn a_dot_that_was_refused_counts_as_one_of_a_node_that_slept_past_its_lease() {
    let mut forged = sound();
    forged.refused.push(taken(1, 1_500));
    forged.frozen.push(Frozen {
        node: "a".to_owned(),
        until: 1_499,
        held: Vec::new(),
        ended: HashSet::new(),
    });
    assert_eq!(violations(&forged).len(), 1);
}

#[test]
fn what_others_ended_meanwhile_must_not_be_begun_by_the_node_that_held_it() {
    let mut forged = sound();
    forged.frozen.push(Frozen {
        node: "a".to_owned(),
        until: 1_000,
        held: vec![delivery()],
        ended: HashSet::new(),
    });
    assert_eq!(violations(&forged), [], "claimed anew after it woke up");
    assert_eq!(held_by(&forged.frozen), 1);

    forged.frozen[0].ended.insert(delivery());
    assert_eq!(
        violations(&forged),
        [Violation::AfterLease {
            delivery: delivery(),
            node: "a".to_owned()
        }]
    );
}

#[test]
fn the_metric_must_count_each_dot_after_a_doubt_and_no_other() {
    let mut forged = sound();
    forged.stored[0].deliveries[0].doubts = 1;
    forged.stored[0].deliveries[0].doubted_at = Some(2_500);
    forged.taken[0].answered = false;
    forged.taken.push(taken(1, 9_000));
    forged.refused.push(taken(1, 8_000));
    assert_eq!(repeats(&forged), 2);
    assert_eq!(violations(&forged), [], "what was killed counts no more");

    forged.counted = Some(2);
    assert_eq!(violations(&forged), []);
    forged.counted = Some(1);
    assert_eq!(violations(&forged), [Violation::Miscounted { counted: 1, repeats: 2 }]);
}
