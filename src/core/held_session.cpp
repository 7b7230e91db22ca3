// Who holds a session, and how a stream or a COPY leaves it.
#include "src/core/held_session.hpp"

#include "src/core/observe.hpp"

namespace pg::detail {

Occupant::Occupant(Borrowed borrowed, std::chrono::nanoseconds timeout, std::string_view label)
    : context_(borrowed.context->shared_from_this()),
      borrowed_(std::move(borrowed)),
      held_(borrowed_.held ? borrowed_.held->shared_from_this() : nullptr),
      timeout_(timeout),
      label_(label) {
    if (held_) held_->occupant = this;
}
Occupant::~Occupant() = default;

void Occupant::observe(spi::RequestKind kind, std::string_view sql) {
    if (!context_->hooks) return;
    watch_ = std::make_unique<Watch>(context_->hooks, kind, sql, label_);
    watch_->keep_text();
    watch_->take(borrowed_);
}

void Occupant::count_rows(std::uint64_t rows) {
    if (watch_) watch_->add_rows(rows);
}

void Occupant::end(const Error* error) noexcept {
    give_up();
    if (const auto held = std::exchange(held_, nullptr)) held->occupant = nullptr;
    borrowed_.lease.give_back();
    if (const auto watch = std::move(watch_)) watch->end(error);
}

Expected<void> check_unoccupied(const Borrowed& borrowed) {
    if (!borrowed.held || !borrowed.held->occupant) return {};
    return usage_error("a stream or a COPY of this session is still open: finish or destroy it first");
}

}  // namespace pg::detail
