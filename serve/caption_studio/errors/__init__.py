"""One exception tree; each class is one row of the table status, type, code.

    CaptionStudioError
    ├── RequestError                      400  the client can fix it
    │   ├── MalformedJSON / MalformedForm
    │   ├── InvalidType / InvalidValue / MissingParameter / UnknownParameter
    │   ├── BelowMinimum / AboveMaximum / TooLong    the code names the type
    │   ├── ContextLengthExceeded
    │   ├── ImageError
    │   │   ├── InvalidImageURL
    │   │   ├── InvalidImageFormat
    │   │   ├── ImageParseError
    │   │   └── ImageTooLarge
    │   ├── InvalidAdapter / InvalidVoice / InvalidAlias / ContentFlagged
    │   ├── InvalidAPIKey                 401
    │   ├── ForbiddenHost / ForbiddenOrigin    403
    │   ├── ModelNotFound                 404
    │   ├── RouteNotFound                 404
    │   ├── FileNotFound / BatchNotFound  404
    │   ├── QuotaExceeded
    │   ├── MethodNotAllowed              405
    │   ├── UploadTimeout                 408
    │   ├── AdapterExists / AdapterIsConfigured / AdapterInUse    409
    │   ├── VoiceExists / VoiceIsConfigured       409
    │   ├── AliasExists / AliasIsConfigured / ModelInUse          409
    │   ├── BodyTooLarge                  413
    │   ├── UnsupportedMediaType          415
    │   ├── RangeNotSatisfiable           416
    │   └── RateLimitExceeded             429
    └── ServiceError                      500  the client cannot fix it
        ├── Overloaded                    429
        ├── NotReady                      503
        │   └── EngineDied                     a stage's engine died or hangs
        ├── AdapterUnavailable / ModerationUnavailable    503
        ├── StoreUnavailable              503  of files and batches
        │   └── StoreFull                 507
        ├── DeadlineExceeded              504
        └── EngineFailure                 500

The message of every class is public text: it never holds a path, an address, a
traceback or the text of an exception that we did not write. Error codes are those of
the OpenAI API where it has one (https://platform.openai.com/docs/guides/error-codes).
"""

from caption_studio.errors.access import (
    ForbiddenHost,
    ForbiddenOrigin,
    InvalidAPIKey,
    RateLimitExceeded,
)
from caption_studio.errors.aliases import (
    AliasExists,
    AliasIsConfigured,
    InvalidAlias,
    ModelInUse,
)
from caption_studio.errors.base import (
    MAX_RETRY_AFTER_S,
    RETRY_AFTER_S,
    CaptionStudioError,
    RequestError,
    ServiceError,
)
from caption_studio.errors.fields import (
    AboveMaximum,
    BelowMinimum,
    ContextLengthExceeded,
    InvalidType,
    InvalidValue,
    MalformedForm,
    MalformedJSON,
    MissingParameter,
    TooLong,
    UnknownParameter,
)
from caption_studio.errors.files import (
    BatchNotFound,
    FileNotFound,
    QuotaExceeded,
    StoreFull,
    StoreUnavailable,
)
from caption_studio.errors.http import (
    BodyTooLarge,
    MethodNotAllowed,
    RangeNotSatisfiable,
    RouteNotFound,
    UnsupportedMediaType,
    UploadTimeout,
)
from caption_studio.errors.images import (
    ImageError,
    ImageParseError,
    ImageTooLarge,
    InvalidImageFormat,
    InvalidImageURL,
)
from caption_studio.errors.models import (
    AdapterExists,
    AdapterIsConfigured,
    AdapterUnavailable,
    InvalidAdapter,
    ModelNotFound,
)
from caption_studio.errors.service import (
    DeadlineExceeded,
    EngineDied,
    EngineFailure,
    NotReady,
    Overloaded,
)
from caption_studio.errors.voices import (
    AdapterInUse,
    ContentFlagged,
    InvalidVoice,
    ModerationUnavailable,
    VoiceExists,
    VoiceIsConfigured,
)

__all__ = [
    "MAX_RETRY_AFTER_S",
    "RETRY_AFTER_S",
    "AboveMaximum",
    "AdapterExists",
    "AdapterInUse",
    "AdapterIsConfigured",
    "AdapterUnavailable",
    "AliasExists",
    "AliasIsConfigured",
    "BatchNotFound",
    "BelowMinimum",
    "BodyTooLarge",
    "CaptionStudioError",
    "ContentFlagged",
    "ContextLengthExceeded",
    "DeadlineExceeded",
    "EngineDied",
    "EngineFailure",
    "FileNotFound",
    "ForbiddenHost",
    "ForbiddenOrigin",
    "ImageError",
    "ImageParseError",
    "ImageTooLarge",
    "InvalidAPIKey",
    "InvalidAdapter",
    "InvalidAlias",
    "InvalidImageFormat",
    "InvalidImageURL",
    "InvalidType",
    "InvalidValue",
    "InvalidVoice",
    "MalformedForm",
    "MalformedJSON",
    "MethodNotAllowed",
    "MissingParameter",
    "ModelInUse",
    "ModelNotFound",
    "ModerationUnavailable",
    "NotReady",
    "Overloaded",
    "QuotaExceeded",
    "RangeNotSatisfiable",
    "RateLimitExceeded",
    "RequestError",
    "RouteNotFound",
    "ServiceError",
    "StoreFull",
    "StoreUnavailable",
    "TooLong",
    "UnknownParameter",
    "UnsupportedMediaType",
    "UploadTimeout",
    "VoiceExists",
    "VoiceIsConfigured",
]
