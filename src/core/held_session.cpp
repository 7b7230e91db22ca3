// Who holds a session, and how a stream or a COPY leaves it.
#include "src/core/held_session.hpp"

namespace pg::detail {

Occupant::Occupant(Borrowed borrowed, std::chrono::nanoseconds timeout)
    : context_(borrowed.context->shared_from_this()),
      borrowed_(std::move(borrowed)),
      held_(borrowed_.held ? borrowed_.held->shared_from_this() : nullptr),
      timeout_(timeout) {
    if (held_) held_->occupant = this;
}

void Occupant::end() noexcept {
    give_up();
    if (const auto held = std::exchange(held_, nullptr)) held->occupant = nullptr;
    borrowed_.lease.give_back();
}

Expected<void> check_unoccupied(const Borrowed& borrowed) {
    if (!borrowed.held || !borrowed.held->occupant) return {};
    return usage_error("a stream or a COPY of this session is still open: finish or destroy it first");
}

}  // namespace pg::detail
