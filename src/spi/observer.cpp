// Observer: hooks that do nothing, and the error that an event may have.
#include "pg/spi/observer.hpp"

namespace pg::spi {

std::string_view to_string(RequestKind kind) {
    switch (kind) {
        case RequestKind::query: return "query";
        case RequestKind::exec: return "exec";
        case RequestKind::stream: return "stream";
        case RequestKind::script: return "script";
        case RequestKind::batch: return "batch";
        case RequestKind::begin: return "begin";
        case RequestKind::commit: return "commit";
        case RequestKind::rollback: return "rollback";
        case RequestKind::copy_in: return "copy_in";
        case RequestKind::copy_out: return "copy_out";
        case RequestKind::savepoint: return "savepoint";
        case RequestKind::release: return "release";
        case RequestKind::rollback_to: return "rollback_to";
    }
    return {};
}

std::string_view to_string(CloseReason reason) {
    switch (reason) {
        case CloseReason::lost: return "lost";
        case CloseReason::expired: return "expired";
        case CloseReason::spare: return "spare";
    }
    return {};
}

Observer::~Observer() = default;

void Observer::tell(const RequestEvent& event) noexcept {
    on_request(event);
    if (event.error) on_error({to_string(event.kind), event.sql, event.label, event.error});
}

void Observer::tell(const ConnectEvent& event) noexcept {
    on_connect(event);
    if (event.error) on_error({.where = "connect", .error = event.error});
}

void Observer::tell(const AcquireEvent& event) noexcept {
    on_acquire(event);
    if (event.error) on_error({.where = "acquire", .error = event.error});
}

void Observer::on_request(const RequestEvent&) noexcept {}
void Observer::on_connect(const ConnectEvent&) noexcept {}
void Observer::on_close(const CloseEvent&) noexcept {}
void Observer::on_acquire(const AcquireEvent&) noexcept {}
void Observer::on_release(const ReleaseEvent&) noexcept {}
void Observer::on_retry(const RetryEvent&) noexcept {}
void Observer::on_notice(const Error&) noexcept {}
void Observer::on_error(const ErrorEvent&) noexcept {}

}  // namespace pg::spi
