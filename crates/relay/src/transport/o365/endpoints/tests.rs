//! Each cloud is asked at its own hosts, and an operator's pair stands in for all.

use super::*;

#[test]
fn each_cloud_is_asked_at_its_own_pair_of_hosts() {
    let (endpoints, directory) = (Endpoints::of_microsoft(), "contoso.example".parse().unwrap());
    let mailbox = "pam@contoso.example".parse().unwrap();
    let pairs = Cloud::ALL.map(|cloud| {
        let token = endpoints.token(cloud, &directory).unwrap();
        let send = endpoints.send_mail(cloud, &mailbox).unwrap();
        (token.to_string(), send.to_string(), endpoints.scope(cloud).unwrap())
    });
    let expected = [
        ("login.microsoftonline.com", "graph.microsoft.com"),
        ("login.microsoftonline.us", "graph.microsoft.us"),
        ("login.microsoftonline.us", "dod-graph.microsoft.us"),
        ("login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn"),
    ]
    .map(|(login, graph)| {
        (
            format!("https://{login}/contoso.example/oauth2/v2.0/token"),
            format!("https://{graph}/v1.0/users/pam@contoso.example/sendMail"),
            format!("https://{graph}/.default"),
        )
    });
    assert_eq!(pairs, expected);
}

#[test]
fn an_address_stays_one_segment_of_the_path() {
    let mailbox = "a/b?c#d%e+f@contoso.example".parse().unwrap();
    let url = Endpoints::of_microsoft().send_mail(Cloud::Global, &mailbox).unwrap();
    assert_eq!(
        url.path_segments().unwrap().collect::<Vec<_>>(),
        ["v1.0", "users", "a%2Fb%3Fc%23d%25e+f@contoso.example", "sendMail"]
    );
    assert_eq!((url.query(), url.fragment()), (None, None));
}

#[test]
fn an_operators_pair_stands_in_for_every_cloud_and_decides_about_clear_text() {
    let url = |text: &str| Some(text.parse().unwrap());
    let endpoints = Endpoints::replaced(url("http://127.0.0.1:1/login"), url("http://127.0.0.1:1/graph/"));
    for cloud in Cloud::ALL {
        let directory = "contoso.example".parse().unwrap();
        assert_eq!(
            endpoints.token(cloud, &directory).unwrap().as_str(),
            "http://127.0.0.1:1/login/contoso.example/oauth2/v2.0/token"
        );
        assert_eq!(endpoints.scope(cloud).unwrap(), "http://127.0.0.1:1/graph/.default");
    }
    assert_eq!(endpoints.clear(), Clear::Allowed);
    assert_eq!(
        Endpoints::replaced(url("https://a.example"), None).clear(),
        Clear::Refused
    );
    assert_eq!(Endpoints::of_microsoft().clear(), Clear::Refused);
}
