//! Which addresses hooks may have.

use std::net::IpAddr;

use axum::http::Uri;

/// `https` to anywhere; `http` within this machine and private networks alone, since numbers of passes are in
/// what is told. No user or password, which would be shown wherever the address is.
pub(super) fn is_good(url: &str) -> bool {
    if url.len() > URL_BYTES_MAX {
        return false;
    }
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let (Some(authority), Some(host)) = (uri.authority(), uri.host()) else { return false };
    if host.is_empty() || authority.as_str().contains('@') {
        return false;
    }
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => is_near(host),
        _ => false,
    }
}

fn is_near(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match ip {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local(),
        Err(_) => host == "localhost",
    }
}

const URL_BYTES_MAX: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::is_good;

    #[test]
    fn far_addresses_are_encrypted_and_none_carries_a_password() {
        for good in [
            "https://xa.example/truyvet?key=1",
            "https://xa.example:8443/",
            "http://127.0.0.1:9000/hook",
            "http://[::1]:9000/",
            "http://10.1.2.3/hook",
            "http://localhost:9000/",
        ] {
            assert!(is_good(good), "{good}");
        }
        let long = format!("https://xa.example/{}", "x".repeat(2_000));
        for bad in [
            "",
            "xa.example/truyvet",
            "/truyvet",
            "ftp://xa.example/",
            "http://xa.example/",
            "http://8.8.8.8/",
            "https://mai:secret@xa.example/",
            "https:///truyvet",
            "https://xa.example/\nx",
            &long,
        ] {
            assert!(!is_good(bad), "{bad}");
        }
    }
}
