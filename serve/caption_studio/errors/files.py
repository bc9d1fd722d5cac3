"""Files and batches that are not there, and a store that does not keep them."""

from caption_studio.errors.base import RequestError, ServiceError


class FileNotFound(RequestError):
    """The caller has no file with this id."""

    status = 404
    code = "file_not_found"


class BatchNotFound(RequestError):
    """The caller has no batch with this id."""

    status = 404
    code = "batch_not_found"


class QuotaExceeded(RequestError):
    """The caller keeps as many files or batches as it may."""

    code = "quota_exceeded"


class StoreUnavailable(ServiceError):
    """The store of files and batches cannot be reached, or refuses us."""

    status = 503
    code = "store_unavailable"


class StoreFull(StoreUnavailable):
    """The store has no room left."""

    status = 507
    code = "store_full"
