//! Countries as documents name them: ISO 3166-1 in two letters or three, and what only passports have.

/// The two letters of a country that stands in a document, in whatever case; none where nothing is known by
/// this code. `VNM` and `VN` are one country, or one passport would be two.
#[must_use]
pub fn country_code(said: &str) -> Option<&'static str> {
    let said = said.trim().trim_end_matches('<').to_uppercase();
    let special = ONLY_PASSPORTS.iter().find(|(three, two)| *three == said || *two == said);
    if let Some((_, two)) = special {
        return Some(two);
    }
    let is_meant = |both: &&str| match said.len() {
        2 => both[..2] == *said,
        3 => both[2..] == *said,
        _ => false,
    };
    COUNTRIES.split_whitespace().find(is_meant).map(|both| &both[..2])
}

/// What stands in passports and is none of ISO's codes (ICAO 9303, part 3): Germany's one letter, British
/// nationals of several kinds, Kosovo, and whoever has no nationality.
const ONLY_PASSPORTS: [(&str, &str); 11] = [
    ("D", "DE"),
    ("GBD", "GB"),
    ("GBN", "GB"),
    ("GBO", "GB"),
    ("GBP", "GB"),
    ("GBS", "GB"),
    ("RKS", "XK"),
    ("XXA", "XX"),
    ("XXB", "XX"),
    ("XXC", "XX"),
    ("XXX", "XX"),
];

/// Two letters and three of each.
const COUNTRIES: &str = "\
    ADAND AEARE AFAFG AGATG AIAIA ALALB AMARM AOAGO AQATA ARARG ASASM ATAUT AUAUS AWABW AXALA AZAZE \
    BABIH BBBRB BDBGD BEBEL BFBFA BGBGR BHBHR BIBDI BJBEN BLBLM BMBMU BNBRN BOBOL BQBES BRBRA BSBHS \
    BTBTN BVBVT BWBWA BYBLR BZBLZ CACAN CCCCK CDCOD CFCAF CGCOG CHCHE CICIV CKCOK CLCHL CMCMR CNCHN \
    COCOL CRCRI CUCUB CVCPV CWCUW CXCXR CYCYP CZCZE DEDEU DJDJI DKDNK DMDMA DODOM DZDZA ECECU EEEST \
    EGEGY EHESH ERERI ESESP ETETH FIFIN FJFJI FKFLK FMFSM FOFRO FRFRA GAGAB GBGBR GDGRD GEGEO GFGUF \
    GGGGY GHGHA GIGIB GLGRL GMGMB GNGIN GPGLP GQGNQ GRGRC GSSGS GTGTM GUGUM GWGNB GYGUY HKHKG HMHMD \
    HNHND HRHRV HTHTI HUHUN IDIDN IEIRL ILISR IMIMN ININD IOIOT IQIRQ IRIRN ISISL ITITA JEJEY JMJAM \
    JOJOR JPJPN KEKEN KGKGZ KHKHM KIKIR KMCOM KNKNA KPPRK KRKOR KWKWT KYCYM KZKAZ LALAO LBLBN LCLCA \
    LILIE LKLKA LRLBR LSLSO LTLTU LULUX LVLVA LYLBY MAMAR MCMCO MDMDA MEMNE MFMAF MGMDG MHMHL MKMKD \
    MLMLI MMMMR MNMNG MOMAC MPMNP MQMTQ MRMRT MSMSR MTMLT MUMUS MVMDV MWMWI MXMEX MYMYS MZMOZ NANAM \
    NCNCL NENER NFNFK NGNGA NINIC NLNLD NONOR NPNPL NRNRU NUNIU NZNZL OMOMN PAPAN PEPER PFPYF PGPNG \
    PHPHL PKPAK PLPOL PMSPM PNPCN PRPRI PSPSE PTPRT PWPLW PYPRY QAQAT REREU ROROU RSSRB RURUS RWRWA \
    SASAU SBSLB SCSYC SDSDN SESWE SGSGP SHSHN SISVN SJSJM SKSVK SLSLE SMSMR SNSEN SOSOM SRSUR SSSSD \
    STSTP SVSLV SXSXM SYSYR SZSWZ TCTCA TDTCD TFATF TGTGO THTHA TJTJK TKTKL TLTLS TMTKM TNTUN TOTON \
    TRTUR TTTTO TVTUV TWTWN TZTZA UAUKR UGUGA UMUMI USUSA UYURY UZUZB VAVAT VCVCT VEVEN VGVGB VIVIR \
    VNVNM VUVUT WFWLF WSWSM YEYEM YTMYT ZAZAF ZMZMB ZWZWE";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_letters_and_three_are_one_country() {
        for (said, code) in [
            ("VN", Some("VN")),
            ("vnm", Some("VN")),
            ("KOR", Some("KR")),
            ("D<<", Some("DE")),
            ("GBN", Some("GB")),
            (" usa ", Some("US")),
            ("XXA", Some("XX")),
            ("ZZ", None),
            ("Việt", None),
            ("", None),
        ] {
            assert_eq!(country_code(said), code, "{said}");
        }
    }

    #[test]
    fn every_code_stands_there_once() {
        let both: Vec<&str> = COUNTRIES.split_whitespace().collect();
        assert_eq!(both.len(), 249);
        for part in [0..2, 2..5] {
            let mut codes: Vec<&str> = both.iter().map(|both| &both[part.clone()]).collect();
            codes.sort_unstable();
            codes.dedup();
            assert_eq!(codes.len(), both.len());
        }
    }
}
