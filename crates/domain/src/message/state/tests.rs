//! Names of states, what a message's deliveries agree on, and what can no longer be changed.

use super::*;

#[test]
fn names_round_trip_and_final_states_are_those_of_the_design() {
    for status in DeliveryStatus::ALL {
        assert_eq!(status.as_str().parse(), Ok(status));
    }
    let open: Vec<_> = DeliveryStatus::ALL
        .into_iter()
        .filter(|s| !s.is_final())
        .map(DeliveryStatus::as_str)
        .collect();
    assert_eq!(open, ["scheduled", "queued", "sending", "deferred", "outcome_unknown"]);
}

#[test]
fn a_message_is_what_its_deliveries_agree_on() {
    use DeliveryStatus::{Bounced, Sent};
    assert_eq!(MessageStatus::of([Sent, Sent].into_iter()).as_str(), "sent");
    assert_eq!(MessageStatus::of([Sent, Bounced].into_iter()).as_str(), "mixed");
}

#[test]
fn what_was_sent_can_neither_be_cancelled_nor_retried() {
    assert!(!DeliveryStatus::Sent.may_cancel() && !DeliveryStatus::Sent.may_retry());
    assert!(!DeliveryStatus::Sending.may_cancel() && !DeliveryStatus::Sending.may_retry());
}
