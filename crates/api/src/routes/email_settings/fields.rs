//! What each field of the email settings is, so that a form can be made of the answer alone.

use domain::{
    address::{MAX_ADDRESS, MAX_DISPLAY_NAME},
    connection::{Cloud, Connection, MAX_CA_PEM, MAX_CREDENTIAL, Security},
    tenant::Edition,
};
use serde::Serialize;
use utoipa::ToSchema;

/// The longest host name, in octets (RFC 1035 §2.3.4, less the root).
const MAX_HOST: usize = 253;
/// A UUID as written.
const UUID_LENGTH: usize = 36;

/// What a field is.
#[derive(Serialize, ToSchema)]
#[schema(as = SettingsField)]
pub(crate) struct FieldBody {
    /// Its name in the body.
    #[schema(example = "from_email_address")]
    name: &'static str,
    /// Where it stands in the body, as a JSON pointer (RFC 6901).
    #[schema(example = "/from_email_address")]
    pointer: String,
    /// Its name for people.
    #[schema(example = "From Email Address")]
    label: &'static str,
    /// Whether it can be written.
    #[schema(example = true)]
    editable: bool,
    /// Whether it must be there.
    #[schema(example = true)]
    required: bool,
    /// A text's length at most; null where it is none.
    #[schema(example = 254)]
    max_length: Option<usize>,
    /// The values to choose from; null where there is no such choice.
    #[schema(example = json!(null))]
    values: Option<Vec<&'static str>>,
    /// Why it cannot be written.
    #[schema(example = json!(null))]
    read_only_reason: Option<&'static str>,
}

/// Whether a field must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
}

use Presence::{Optional, Required};

/// The fields of an edition and of the send method in force; of both methods where none is.
pub(super) fn fields(edition: Edition, method: Option<&str>) -> Vec<FieldBody> {
    match edition {
        Edition::Cloud => from_fields(Required),
        Edition::OnPremises => {
            let of_method = |name: &str| method.is_none_or(|method| method == name);
            let mut fields = vec![method_field()];
            fields.extend(from_fields(Optional));
            if of_method("smtp") {
                fields.extend(smtp_fields());
            }
            if of_method("o365") {
                fields.extend(o365_fields());
            }
            fields
        }
    }
}

fn method_field() -> FieldBody {
    field("", ("send_email_method", "Send email method"), Required).of(Connection::METHODS.to_vec())
}

fn from_fields(name: Presence) -> Vec<FieldBody> {
    vec![
        field("", ("from_email_address", "From Email Address"), Required).at_most(MAX_ADDRESS),
        field("", ("from_email_name", "From Email Name"), name).at_most(MAX_DISPLAY_NAME),
    ]
}

fn smtp_fields() -> Vec<FieldBody> {
    let smtp = |names, presence| field("/smtp", names, presence);
    let security = Security::ALL.map(Security::as_str).to_vec();
    vec![
        smtp(("email_server", "Email Server"), Required).at_most(MAX_HOST),
        smtp(("port", "Port"), Optional),
        smtp(("security", "Security"), Optional).of(security),
        smtp(("username", "Username"), Optional).at_most(MAX_CREDENTIAL),
        smtp(("password", "Password"), Optional).at_most(MAX_CREDENTIAL),
        smtp(("ca_certificate_pem", "CA Certificate"), Optional).at_most(MAX_CA_PEM),
    ]
}

fn o365_fields() -> Vec<FieldBody> {
    let o365 = |names, presence| field("/o365", names, presence);
    let secret = ("send_email_application_secret_id", "Send Email Application Secret");
    vec![
        o365(secret, Required).at_most(UUID_LENGTH),
        o365(("cloud", "Cloud"), Optional).of(Cloud::ALL.map(Cloud::as_str).to_vec()),
        o365(("save_to_sent_items", "Save to Sent Items"), Optional),
    ]
}

fn field(parent: &str, (name, label): (&'static str, &'static str), presence: Presence) -> FieldBody {
    FieldBody {
        name,
        pointer: format!("{parent}/{name}"),
        label,
        editable: true,
        required: presence == Required,
        max_length: None,
        values: None,
        read_only_reason: None,
    }
}

impl FieldBody {
    fn at_most(self, length: usize) -> Self {
        Self {
            max_length: Some(length),
            ..self
        }
    }

    fn of(self, values: Vec<&'static str>) -> Self {
        Self {
            values: Some(values),
            ..self
        }
    }
}
