//! The tables against refusals that are met in the wild.

use super::*;

/// Step, reply, code, and who has to act.
const MET: &str = "\
greeting | 421 4.3.2 Too many connections from your IP | throttled | Nobody
greeting | 554 5.7.1 No SMTP service here | connection_refused | Server
tls | 454 4.7.0 TLS not available due to local problem | tls_handshake_failed | Server
authenticate | 535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6 | authentication_failed | Settings
authenticate | 535 5.7.139 Authentication unsuccessful, basic authentication is disabled. | authentication_failed | Microsoft
authenticate | 550 5.7.30 Basic authentication is not supported for Client Submission. | authentication_failed | Settings
authenticate | 534 5.7.9 Application-specific password required. | authentication_failed | Settings
authenticate | 454 4.7.0 Temporary authentication failure | authentication_failed | Server
authenticate | 454 4.7.0 Too many login attempts, please try again later. | throttled | Nobody
mail_from | 530 5.7.0 Must issue a STARTTLS command first | sender_rejected | Settings
mail_from | 530 5.7.57 Client not authenticated to send mail. | sender_rejected | Settings
mail_from | 550 5.7.60 SMTP; Client does not have permissions to send as this sender | sender_rejected | Server
mail_from | 552 5.3.4 Message size exceeds fixed limit | message_rejected | Server
rcpt_to | 553 5.7.1 <pam@globex.example>: Sender address rejected: not owned by user pam | sender_rejected | Settings
rcpt_to | 554 5.7.1 <pam@globex.example>: Sender address rejected: Access denied | sender_rejected | Server
rcpt_to | 554 5.7.1 <bob@b.example>: Relay access denied | recipient_rejected | Server
rcpt_to | 454 4.7.1 <bob@b.example>: Relay access denied | recipient_rejected | Server
rcpt_to | 450 4.2.0 <bob@b.example>: Recipient address rejected: Greylisted | recipient_rejected | Nobody
rcpt_to | 451 4.7.1 Please try again later | recipient_rejected | Nobody
rcpt_to | 550 5.1.1 <bob@b.example>: Recipient address rejected: User unknown | recipient_rejected | Recipient
rcpt_to | 550 no such user | recipient_rejected | Recipient
rcpt_to | 552 5.2.2 over quota | recipient_rejected | Recipient
rcpt_to | 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org | recipient_rejected | Operator
rcpt_to | 421 4.7.28 Our system has detected an unusual rate | throttled | Nobody
data | 554 5.2.252 SendAsDenied; pam@globex.example not allowed to send as it@globex.example | sender_rejected | Server
data | 550 5.7.26 Unauthenticated email from acme.example is not accepted due to DMARC policy. | message_rejected | Settings
data | 451 4.3.0 Mail server temporarily rejected message | message_rejected | Nobody
";

fn parse(reply: &str) -> Reply {
    let (code, text) = reply.split_once(' ').unwrap();
    Reply::new(code.parse().unwrap(), text)
}

#[test]
fn every_pattern_can_be_met() {
    for line in TABLES.into_iter().flatten() {
        let parts: Vec<_> = line.pattern.splitn(4, ' ').collect();
        let [step, code, enhanced, ..] = parts.as_slice() else {
            panic!("{:?} has too few parts", line.pattern)
        };
        assert!(
            *step == "any" || StepName::SMTP.iter().any(|name| name.as_str() == *step),
            "{step}"
        );
        assert!(
            *code == "*" || code.len() == 3 && code.starts_with(['4', '5']),
            "{code}"
        );
        assert!(
            matches!(*enhanced, "*" | "-") || enhanced.split('.').count() == 3,
            "{enhanced}"
        );
        assert_eq!(line.pattern, line.pattern.to_lowercase());
    }
}

#[test]
fn refusals_that_are_met_in_the_wild_are_known() {
    for case in MET.lines() {
        let [step, reply, code, who] = case.split(" | ").collect::<Vec<_>>().try_into().unwrap();
        let step = StepName::SMTP.into_iter().find(|name| name.as_str() == step).unwrap();
        let advice = advice(step, &parse(reply));
        assert_eq!(
            (advice.code.as_str(), format!("{:?}", advice.who).as_str()),
            (code, who),
            "{case}: {}",
            advice.text
        );
    }
}

#[test]
fn every_reply_at_every_step_has_an_advice() {
    for step in StepName::SMTP {
        for code in [250, 354, 421, 450, 499, 500, 502, 530, 550, 571, 599] {
            assert!(!advice(step, &Reply::new(code, "")).text.is_empty());
        }
    }
}
