//! Entra's errors by the number behind `AADSTS`.

use super::{
    FailureCode,
    FailureCode::{
        ApplicationNotFound, AuthenticationFailed, ClientSecretExpired, ClientSecretInvalid, DirectoryNotFound,
        PermissionMissing, SecretIncomplete, ServiceUnavailable, Throttled,
    },
    Meaning, Numbered,
    Who::{self, Directory, Nobody, Settings},
};

const fn line(number: u32, code: FailureCode, who: Who, hint: &'static str) -> Numbered {
    Numbered {
        number,
        meaning: Meaning { code, who, hint },
    }
}

pub(super) static LINES: [Numbered; 33] = [
    line(
        7_000_215,
        ClientSecretInvalid,
        Settings,
        "The client secret is not one of this application's. Most often the secret's ID was pasted in place of its Value: the Value is shown only once, right after the secret is made, so make a new one under Certificates & secrets and store its Value.",
    ),
    line(
        7_000_222,
        ClientSecretExpired,
        Directory,
        "The client secret has expired. Make a new one in the application's registration under Certificates & secrets and replace the stored one with its Value.",
    ),
    line(
        7_000_216,
        SecretIncomplete,
        Settings,
        "No client secret was sent. Store the Value of one of the application's client secrets.",
    ),
    line(
        7_000_218,
        SecretIncomplete,
        Settings,
        "Microsoft asks for a client secret and got none. Store the Value of one of the application's client secrets.",
    ),
    line(
        7_000_219,
        ClientSecretInvalid,
        Settings,
        "The client secret could not be checked. Make a new one under Certificates & secrets and store its Value.",
    ),
    line(
        7_000_217,
        ClientSecretInvalid,
        Settings,
        "The client secret could not be read. Store the Value exactly as Microsoft shows it, without blanks or line ends.",
    ),
    line(
        700_016,
        ApplicationNotFound,
        Settings,
        "The directory has no application with this Client ID. Compare the Application (client) ID and the Directory (tenant) ID with the Overview page of the application's registration; both must come from the same page.",
    ),
    line(
        7_000_112,
        ApplicationNotFound,
        Directory,
        "The application is disabled. Enable it in Microsoft Entra under Enterprise applications > Properties > Enabled for users to sign in.",
    ),
    line(
        7_000_229,
        ApplicationNotFound,
        Directory,
        "The application is registered and has no service principal in this directory. Grant it admin consent once, which makes one.",
    ),
    line(
        700_025,
        ApplicationNotFound,
        Directory,
        "The application is registered as a public client and cannot use a secret. Register it as a confidential client (web).",
    ),
    line(
        7_000_111,
        ApplicationNotFound,
        Directory,
        "The application is not activated in this directory. Have an administrator grant it consent.",
    ),
    line(
        50_194,
        DirectoryNotFound,
        Settings,
        "A single-tenant application must be asked for at its own directory. Store the Directory (tenant) ID from the Overview page of the application's registration.",
    ),
    line(
        90_002,
        DirectoryNotFound,
        Settings,
        "There is no such directory in this cloud. Compare the Directory (tenant) ID with the Overview page of the application's registration, and check that the right national cloud is chosen.",
    ),
    line(
        900_023,
        DirectoryNotFound,
        Settings,
        "The Tenant ID is neither a directory's ID nor one of its domain names. Copy the Directory (tenant) ID from the Overview page of the application's registration.",
    ),
    line(
        50_059,
        DirectoryNotFound,
        Settings,
        "The Tenant ID does not name a directory. Copy the Directory (tenant) ID from the Overview page of the application's registration.",
    ),
    line(
        90_019,
        DirectoryNotFound,
        Settings,
        "The Tenant ID does not name a directory. Copy the Directory (tenant) ID from the Overview page of the application's registration.",
    ),
    line(
        90_072,
        DirectoryNotFound,
        Settings,
        "The account belongs to another directory. Compare the Directory (tenant) ID with the Overview page of the application's registration.",
    ),
    line(
        900_382,
        DirectoryNotFound,
        Settings,
        "The application is registered in another national cloud. Choose the cloud that the directory is in.",
    ),
    line(
        900_432,
        DirectoryNotFound,
        Settings,
        "The application is registered in another national cloud. Choose the cloud that the directory is in.",
    ),
    line(
        700_011,
        DirectoryNotFound,
        Settings,
        "The application is registered in another national cloud or directory. Choose the cloud that the directory is in.",
    ),
    line(
        700_082,
        AuthenticationFailed,
        Directory,
        "The grant has expired. Have an administrator grant the application consent again.",
    ),
    line(
        65_001,
        PermissionMissing,
        Directory,
        "Nobody has consented to what the application asks for. Add the application permission Mail.Send of Microsoft Graph and grant admin consent.",
    ),
    line(
        70_011,
        AuthenticationFailed,
        Settings,
        "Microsoft Graph of this cloud was asked for and is not known to the directory. Check that the right national cloud is chosen.",
    ),
    line(
        1_002_012,
        AuthenticationFailed,
        Settings,
        "Microsoft Graph of this cloud was asked for and is not known to the directory. Check that the right national cloud is chosen.",
    ),
    line(
        500_011,
        AuthenticationFailed,
        Settings,
        "The directory does not know Microsoft Graph of this cloud. Check that the right national cloud is chosen.",
    ),
    line(
        500_014,
        AuthenticationFailed,
        Directory,
        "Microsoft Graph is disabled in the directory. Enable it in Microsoft Entra under Enterprise applications.",
    ),
    line(
        53_003,
        AuthenticationFailed,
        Directory,
        "A Conditional Access policy for workload identities blocks the application. Allow it, or allow the address that Letterhead connects from.",
    ),
    line(
        530_035,
        AuthenticationFailed,
        Directory,
        "Security defaults block the sign-in. Allow the application in Microsoft Entra.",
    ),
    line(
        53_011,
        AuthenticationFailed,
        Directory,
        "The application is blocked because of its risk. Look at Risky workload identities in Microsoft Entra ID Protection.",
    ),
    line(
        50_196,
        Throttled,
        Nobody,
        "Microsoft saw the same request too often. It takes requests again after a few minutes.",
    ),
    line(
        90_055,
        Throttled,
        Nobody,
        "Too many requests were made for this directory. Microsoft takes them again after a while.",
    ),
    line(
        90_033,
        ServiceUnavailable,
        Nobody,
        "Microsoft's sign-in service is unavailable for the moment. The mail is sent when it is back.",
    ),
    line(
        90_036,
        ServiceUnavailable,
        Nobody,
        "Microsoft's sign-in service had an unexpected failure. The mail is sent when it has passed.",
    ),
];
