"""Tokens that services issue: those that say themselves what they are, and those that a service's name stands before.

The forms are those that the services document. A token is long, so that a word which only begins like one stays.
"""

from __future__ import annotations

import re

PREFIXED = (
    # Clouds and platforms.
    rb"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}\b",
    rb"ABSK[A-Za-z0-9+/]{60,}+",
    rb"bedrock-api-key-[\w+/=-]{16,}+",
    rb"LTAI[A-Za-z0-9]{17,21}\b",
    rb"[A-Za-z0-9_~.]{3}\dQ~[\w.~-]{31,34}(?![\w.~-])",
    rb"ya29\.[\w-]{20,}+",
    rb"GOCSPX-[\w-]{20,}+",
    rb"do[opr]_v1_[0-9a-f]{40,}+",
    rb"dapi[0-9a-f]{32}(?:-\d)?\b",
    rb"HRKU-[\w-]{20,}+",
    rb"AQVN[\w-]{30,}+",
    rb"tk-us-[\w-]{40,}+",
    rb"v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}+",
    rb"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{40,}+",
    rb"fo1_[\w-]{30,}+",
    rb"fm(?:1[ar]|2)_[\w+/=]{60,}+",
    rb"sha256~[\w-]{40,}+",
    rb"4b1d[A-Za-z0-9]{38}\b",
    rb"pscale_(?:tkn|oauth|pw)_[\w=.-]{20,}+",
    rb"pul-[0-9a-f]{40}\b",
    rb"pnu_[A-Za-z0-9]{36}\b",
    rb"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9]{30,}+",
    # Code and packages.
    rb"gl(?:ffct|ft|imt|agent|oas|soat|cbt)-[\w=.-]{16,}+",
    rb"GR1348941[\w-]{16,}+",
    rb"_gitlab_session=[0-9a-z]{20,}+",
    rb"AT(?:A|C|B)(?:TT3|B)[\w=-]{16,}+",
    rb"AKCp[A-Za-z0-9]{60,}+",
    rb"cmVmd[A-Za-z0-9]{59}\b",
    rb"CLOJARS_[A-Za-z0-9]{40,}+",
    rb"rubygems_[0-9a-f]{40,}+",
    rb"rdme_[a-z0-9]{60,}+",
    rb"PMAK-[0-9a-f]{24}-[0-9a-f]{34}\b",
    rb"API-[A-Z0-9]{26}\b",
    rb"sgp_(?:[0-9A-Fa-f]{16}_|local_)?[0-9A-Fa-f]{40}\b",
    rb"pat\.[\w-]{22}\.[0-9a-zA-Z]{24}\.[0-9a-zA-Z]{20}\b",
    rb"oy2[a-z0-9]{43}\b",
    rb"jfrt@[\w.@-]{20,}+",
    # Monitoring, mail, chat, work.
    rb"eyJrIjoi[A-Za-z0-9+/=]{60,}+",
    rb"gl(?:c|sa)_[\w+/=]{32,}+",
    rb"sntry[su]_[\w+/=]{40,}+",
    rb"dt0c01\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{64}\b",
    rb"NR(?:AK|II|JS|RA)-[\w-]{19,}+",
    rb"xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}\b",
    rb"(?:pub)?key-[0-9a-f]{32}\b",
    rb"[0-9a-f]{32}-us[1-9]\d?\b",
    rb"xapp-\d-[\w-]{5,}+",
    rb"xoxe[.\w-]{0,8}-[\w-]{30,}+",
    rb"\d{5,16}:AA[\w-]{33}(?![\w-])",
    rb"lin_api_[A-Za-z0-9]{30,}+",
    rb"(?:ntn|secret)_[A-Za-z0-9]{43,}+",
    rb"tfp_[\w.=-]{50,}+",
    rb"fio-u-[\w=-]{60,}+",
    rb"sm_[aps]at_[A-Za-z0-9]{16,}+",
    rb"ico-[A-Za-z0-9]{32}\b",
    rb"s-s4t2(?:ud|af)-[0-9a-f]{40,}+",
    rb"dnkey-[\w=-]{26}-[\w=-]{40,}+",
    rb"(?:sc|ext|scauth|authress)_[a-z0-9]{5,30}\.[a-z0-9]{4,6}\.acc[_-][a-z0-9-]{10,32}\.[\w+/=-]{30,}+",
    # Payment and shops.
    rb"[rs]k_(?:live|test|prod)_[A-Za-z0-9]{10,}+",
    rb"EZ[AT]K[A-Za-z0-9]{54}\b",
    rb"FLW(?:SEC|PUB)K(?:_TEST)?-[0-9A-Za-z]{12,}+(?:-X)?",
    rb"shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32}\b",
    rb"shippo_(?:live|test)_[0-9A-Fa-f]{40}\b",
    rb"duffel_(?:live|test)_[\w=-]{43}(?![\w-])",
    rb"(?:EAAA|sq0(?:atp|csp)-)[\w+=-]{22,}+",
    # Others.
    rb"ops_eyJ[A-Za-z0-9+/=]{60,}+",
    rb"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}\b",
    rb"p8e-[A-Za-z0-9]{32}\b",
    rb"EAA[MC][A-Za-z0-9]{40,}+",
    rb"\d{15,16}%7C[\w-]{27,40}(?![\w-])",
    rb"pplx-[A-Za-z0-9]{48}\b",
    rb"api_org_[A-Za-z]{34}\b",
    rb"pk\.eyJ[A-Za-z0-9]{57}\.[A-Za-z0-9]{22}\b",
    rb"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk\b",
    rb"sl\.[bu][\w=.-]{100,}+",
    rb"A{22}[A-Za-z0-9%]{60,}+",
    rb"ZXlK[A-Za-z0-9+/_-]{40,}+={0,2}",
)
"""Each must have a part that every such token has and few other lines, see `HINTS`."""

HINTS = (
    *(
        b"akia",
        b"asia",
        b"abia",
        b"acca",
        b"a3t",
        b"absk",
        b"bedrock",
        b"ltai",
        b"q~",
        b"ya29.",
        b"gocspx",
    ),
    *(
        b"_v1_",
        b"dapi",
        b"hrku-",
        b"aqvn",
        b"tk-us-",
        b"v1.0-",
        b".atlasv1.",
        b"fo1_",
        b"fm2_",
        b"fm1a_",
        b"fm1r_",
    ),
    *(
        b"sha256~",
        b"4b1d",
        b"pscale_",
        b"pul-",
        b"pnu_",
        b"dp.pt.",
        b"dp.st.",
        b"dp.ct.",
        b"dp.sa.",
    ),
    *(
        b"dp.scim.",
        b"dp.audit.",
        b"glffct-",
        b"glft-",
        b"glimt-",
        b"glagent-",
        b"gloas-",
        b"glsoat-",
    ),
    *(
        b"glcbt-",
        b"gr1348941",
        b"_session=",
        b"att3",
        b"ctt3",
        b"atbb",
        b"akcp",
        b"cmvmd",
        b"clojars_",
    ),
    *(
        b"rubygems_",
        b"rdme_",
        b"pmak-",
        b"api-",
        b"sgp_",
        b"pat.",
        b"oy2",
        b"jfrt@",
        b"eyjrijoi",
        b"glc_",
    ),
    *(
        b"glsa_",
        b"sntry",
        b"dt0c01.",
        b"nrak-",
        b"nrii-",
        b"nrjs-",
        b"nrra-",
        b"xkeysib-",
        b"key-",
        b"-us1",
    ),
    *(
        b"-us2",
        b"-us3",
        b"-us4",
        b"-us5",
        b"-us6",
        b"-us7",
        b"-us8",
        b"-us9",
        b"xapp-",
        b"xoxe",
        b":aa",
    ),
    *(
        b"lin_api_",
        b"ntn_",
        b"secret_",
        b"tfp_",
        b"fio-u-",
        b"sm_aat_",
        b"sm_pat_",
        b"sm_sat_",
        b"ico-",
    ),
    *(
        b"s-s4t2",
        b"dnkey-",
        b".acc_",
        b".acc-",
        b"k_live_",
        b"k_test_",
        b"k_prod_",
        b"ezak",
        b"eztk",
    ),
    *(
        b"flwpubk",
        b"flwseck",
        b"shpat_",
        b"shpca_",
        b"shppa_",
        b"shpss_",
        b"shippo_",
        b"duffel_",
        b"eaaa",
    ),
    *(
        b"sq0",
        b"ops_eyj",
        b"a3-",
        b"p8e-",
        b"eaam",
        b"eaac",
        b"%7c",
        b"pplx-",
        b"api_org_",
        b"pk.eyj",
    ),
    *(
        b"_mmk",
        b"sl.b",
        b"sl.u",
        b"aaaaaaaaaaaaaaaaaaaaaa",
        b"zxlk",
    ),
)

TOKEN = re.compile(rb"(?i)(?<![a-z0-9])(?:" + rb"|".join(PREFIXED) + rb")")

PAIR = re.compile(
    # The secret half of an AWS key pair, which only its neighbour tells from a checksum.
    rb"((?:AKIA|ASIA)[A-Z0-9]{16}\b[^\n]{0,80}?)(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"
)

_SERVICES = (
    rb"adafruit|adobe|airtable|algolia|alibaba|artifactory|asana|atlassian|beamer|bitbucket|bittrex|cloudflare|codecov"
    rb"|cohere|coinbase|confluent|contentful|datadog|discord|drone-?ci|dropbox|etsy|facebook|fastly|finicity|finnhub"
    rb"|flickr|freshbooks|gitter|gocardless|heroku|hubspot|intercom|jfrog|kraken|kucoin|launchdarkly|linear|linkedin"
    rb"|lob|looker|mailchimp(?:sdk)?|mailgun|mapbox|mattermost|meraki|messagebird|netlify|new-?relic|newyorktimes"
    rb"|nytimes|okta|plaid|privateai|rapidapi|sendbird|sendgrid|sentry|snyk|sonar|squarespace|sumo|telegr(?:am)?|travis"
    rb"|twilio|twitch|twitter|typeform|yandex|zendesk|bundle_(?:enterprise|gems)__contribsys__com"
)
SERVICE_HINTS = (
    *(b"adafruit", b"adobe", b"airtable", b"algolia", b"alibaba", b"artifactory", b"asana", b"atlassian"),
    *(b"beamer", b"bitbucket", b"bittrex", b"cloudflare", b"codecov", b"cohere", b"coinbase"),
    *(b"confluent", b"contentful", b"contribsys", b"datadog", b"discord", b"drone", b"dropbox", b"etsy"),
    *(b"facebook", b"fastly", b"finicity", b"finnhub", b"flickr", b"freshbooks", b"gitter"),
    *(b"gocardless", b"heroku", b"hubspot", b"intercom", b"jfrog", b"kraken", b"kucoin", b"launchdarkly"),
    *(b"linear", b"linkedin", b"lob", b"looker", b"mailchimp", b"mailgun", b"mapbox", b"mattermost"),
    *(b"meraki", b"messagebird", b"netlify", b"newyorktimes", b"nytimes", b"okta", b"plaid"),
    *(b"privateai", b"rapidapi", b"relic", b"sendbird", b"sendgrid", b"sentry", b"snyk", b"sonar"),
    *(b"squarespace", b"sumo", b"telegr", b"travis", b"twilio", b"twitch", b"twitter", b"typeform"),
    *(b"yandex", b"zendesk"),
)
SERVICE = re.compile(
    # The name of a setting with the service in it, and a value that is long, has a digit and is no path and no version.
    rb"(?i)((?:" + _SERVICES + rb")[\w.-]{0,40}[\"'`\s]{0,3}[=:>?|]{1,5}[\"'`=\s]{0,5})"
    rb"(?=[a-z_:=|-]{0,100}\d)[\w=|:-]{12,}+(?![.\w/])"
)
