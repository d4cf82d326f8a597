//! What the variables mean that the gateway alone reads.

use shared::config::reference::Meaning;

/// Of the gateway.
pub const MEANINGS: &[Meaning] = &[
    Meaning::of(
        "DEVELOPMENT",
        "gateway: pages on any port of localhost may call as well, rates are not limited, the gateway plays the identity providers that are not configured, and serves a [web chat](clients.md#web-chat) at `/chat`; payment-svc: the sandbox may collect",
    ),
    Meaning::of(
        "MESH_SIGNING_KEY",
        "Ed25519 key (PKCS #8, PEM) that signs calls to the services; `gateway make-mesh-keys` makes a pair",
    ),
    Meaning::of(
        "CONSOLE_NATS_USER",
        "the broker's user `console`: with it the gateway has [a console](operations.md#the-console) at `/ops`",
    ),
    Meaning::of("CONSOLE_NATS_PASSWORD", "its password"),
    Meaning::of("SESSION_KEY", "key of access and refresh tokens (HS256), 32 bytes or more"),
    Meaning::of("SESSION_OLD_KEYS", "earlier ones, separated by commas: their tokens stay good"),
    Meaning::of(
        "SESSION_EDDSA_KEY",
        "an Ed25519 key (PEM) that signs in place of `SESSION_KEY`; `/.well-known/jwks.json` lists its public one",
    ),
    Meaning::of("SESSION_EDDSA_OLD_KEYS", "public keys (PEM) of earlier ones"),
    Meaning::of(
        "SESSION_CACHE",
        "access tokens that were found good and are not verified again when they come back; 0: none",
    ),
    Meaning::of("PUBLIC_URL", "where clients reach the gateway; needed for sign-in")
        .otherwise("where it listens"),
    Meaning::of("KAKAO_CLIENT_ID", "sign-in with Kakao, by OpenID Connect"),
    Meaning::of("KAKAO_CLIENT_SECRET", "its secret"),
    Meaning::of("KAKAO_ISSUER", "who issues Kakao's tokens"),
    Meaning::of("NAVER_CLIENT_ID", "sign-in with NAVER"),
    Meaning::of("NAVER_CLIENT_SECRET", "its secret"),
    Meaning::of("NAVER_BASE_URL", "where NAVER signs people in"),
    Meaning::of("NAVER_API_URL", "where NAVER tells who they are"),
    Meaning::of("REDIRECT_ORIGINS", "origins of pages to which a sign-in may lead")
        .otherwise("`CORS_ORIGINS`"),
    Meaning::of("ADMIN_ACCOUNTS", "accounts that get admin authority when they sign in: `kakao:12345,…`"),
    Meaning::of("PROVIDER_TIMEOUT", "that an identity provider may take"),
    Meaning::of(
        "RATE_ADDRESS",
        "requests of one address (of IPv6, one /64) a minute; 0: no limit, as in development",
    ),
    Meaning::of("RATE_ADDRESS_BURST", "and at once"),
    Meaning::of("RATE_USER", "requests of one user a minute"),
    Meaning::of("RATE_USER_BURST", "and at once"),
    Meaning::of("RATE_AUTH", "requests of one address to sign-in and refresh a minute"),
    Meaning::of("RATE_AUTH_BURST", "and at once"),
    Meaning::of("TRUSTED_PROXIES", "networks of proxies whose `X-Forwarded-For` is believed: `10.0.0.0/8,…`"),
    Meaning::of(
        "HEADER_TIMEOUT",
        "that the head of a request may take, and a connection be idle between two",
    ),
    Meaning::of("CONNECTIONS", "connections at once"),
    Meaning::of(
        "QUEUE_LIMIT",
        "that work may wait for its turn in a busy gateway; over that, some requests get 503 until it does not; 0: never, as in development",
    ),
    Meaning::of("TLS_CERT", "PEM file with which it speaks TLS and HTTP/2; read again when it changes"),
    Meaning::of("TLS_KEY", "PEM file: its key"),
    Meaning::of("CORS_ORIGINS", "origins of pages that may call with credentials: [clients](clients.md#web)"),
    Meaning::of(
        "BODY_LIMIT",
        "bytes of a request's body; an episode may have 2 MiB, an image `IMAGE_MAX_BYTES`",
    ),
    Meaning::of("REQUEST_TIMEOUT", "that an answer may take"),
    Meaning::of("KEEP_ALIVE", "after which a silent stream of events shows that it lives"),
    Meaning::of("IMAGE_STORE", "where images of counselors and episodes are kept: `folder` or `s3`"),
    Meaning::of("IMAGE_MAX_BYTES", "bytes of an image that the folder takes"),
    Meaning::of("IMAGE_FOLDER", "the folder, which replicas of the gateway must share"),
    Meaning::of(
        "S3_ENDPOINT",
        "an S3-compatible store (required with `IMAGE_STORE=s3`): clients put images there at addresses that the gateway signs (path style); limit sizes by the bucket's policy",
    ),
    Meaning::of("S3_BUCKET", "required with `IMAGE_STORE=s3`"),
    Meaning::of("S3_REGION", "the store's region"),
    Meaning::of("S3_ACCESS_KEY", "required with `IMAGE_STORE=s3`"),
    Meaning::of("S3_SECRET_KEY", "required with `IMAGE_STORE=s3`"),
    Meaning::of("S3_PUBLIC_URL", "where images are found").otherwise("in the bucket"),
    Meaning::of("FEED_HISTORY", "back that a starting gateway reads for feeds that resume"),
    Meaning::of("FEED_EVENTS", "events of each stream that it keeps for them"),
    Meaning::of("FEED_CONNECTIONS", "open feeds of a gateway; over that, 503"),
    Meaning::of("FEED_CONNECTIONS_PER_USER", "open feeds of each user; over that, 429"),
    Meaning::of("UPSTREAM_DEADLINE", "that a call to a service may take; conversations have the request's"),
    Meaning::of(
        "UPSTREAM_CONCURRENCY",
        "calls to one service in flight; over that, 503; while it answers much more slowly than usual, fewer",
    ),
    Meaning::of(
        "UPSTREAM_CONCURRENCY_MIN",
        "the fewest that they may become; with as many as above, as in development, they stay as many",
    ),
    Meaning::of(
        "STATIC_USER_SVC",
        "addresses (`host:port`) in place of the registry: of all three services, or of none",
    ),
    Meaning::of("STATIC_COUNSELING_SVC", "as above"),
    Meaning::of("STATIC_PAYMENT_SVC", "as above"),
];
