// Judging what a server says by what it was asked.
#include "src/wire/machine.hpp"

namespace pg::wire {

Event Machine::judge(const Frame& frame) noexcept {
    if (violation_) return Event::violation;
    judged_ = frame.type;
    switch (frame.type) {
        case ServerType::data_row: return in_rows() ? Event::row : violate("a row that nobody asked for");
        case ServerType::bind_complete: return take(Answer::bind, Event::progress);
        case ServerType::command_complete: return end_of_execution();
        case ServerType::ready:
            if (!awaits(Answer::sync) && !awaits(Answer::query_more))
                return violate("ready, where a statement is to be answered or nothing was asked");
            return ready(frame.body);
        case ServerType::parse_complete: return take(Answer::parse, Event::progress);
        case ServerType::close_complete: return take(Answer::close, Event::progress);
        case ServerType::parameter_description: return take(Answer::parameters, Event::parameters);
        case ServerType::no_data: return take(Answer::columns, Event::no_columns);
        case ServerType::row_description:
            if (!in_query()) return take(Answer::columns, Event::columns);
            become(Answer::query_rows);  // again, where a rule has made two statements of one
            return Event::columns;
        case ServerType::empty_query: return end_of_nothing();
        case ServerType::portal_suspended: return take(Answer::execution, Event::suspended);
        case ServerType::copy_in: return begin_copy(Copy::in, Event::copy_in);
        case ServerType::copy_out: return begin_copy(Copy::out, Event::copy_out);
        case ServerType::copy_data:
            return copying_out() ? Event::copy_data : violate("bytes of a COPY that was not begun");
        case ServerType::copy_done:
            if (!copying_out()) return violate("the end of a COPY that was not begun");
            copy_ = Copy::done;
            return Event::copy_done;
        case ServerType::error: return fail();
        case ServerType::notice: return Event::notice;
        case ServerType::notification: return Event::notification;
        case ServerType::parameter_status: return Event::parameter;
        case ServerType::authentication:
        case ServerType::backend_key:
        case ServerType::negotiate_version: return violate("a message that belongs to the beginning of a session");
        case ServerType::copy_both: return violate("a COPY in both directions, which only replication has");
        case ServerType::function_result: return violate("the result of a function call that nobody made");
    }
    return violate("a message of a kind that does not exist");
}

void Machine::grow() {
    const std::size_t size = mask_ + 1;
    auto larger = std::make_unique<Answer[]>(2 * size);
    const std::size_t mask = 2 * size - 1;
    for (std::size_t i = first_; i != last_; ++i) larger[i & mask] = ring_[i & mask_];
    large_ring_ = std::move(larger);
    ring_ = large_ring_.get();
    mask_ = mask;
}

Event Machine::take(Answer answer, Event event) noexcept {
    if (!awaits(answer)) return violate("an answer out of order");
    pop();
    return event;
}

Event Machine::end_of_execution() noexcept {
    // The end of COPY … FROM STDIN is said while it is under way, that of COPY … TO STDOUT behind CopyDone.
    if (copy_ == Copy::in || copy_ == Copy::done) copy_ = Copy::none;
    if (in_query()) {
        become(Answer::query_more);
        return Event::complete;
    }
    return take(Answer::execution, Event::complete);
}

Event Machine::end_of_nothing() noexcept {
    if (!in_query()) return take(Answer::execution, Event::empty);
    // All of the Query was empty.
    if (head() != Answer::query) return violate("an empty statement among others");
    become(Answer::sync);
    return Event::empty;
}

Event Machine::begin_copy(Copy copy, Event event) noexcept {
    const bool at_start = in_query() ? head() != Answer::query_rows : in_rows();
    if (!at_start) return violate("a COPY that nobody asked for");
    copy_ = copy;
    if (copy == Copy::out) return event;
    // A server that waits for CopyData passes over every Sync.
    lost_syncs_ = 0;
    while (last_ - first_ > 1 && ring_[(first_ + 1) & mask_] == Answer::sync) {
        ring_[(first_ + 1) & mask_] = head();
        pop();
        ++lost_syncs_;
    }
    return event;
}

Event Machine::fail() noexcept {
    copy_ = Copy::none;
    if (empty()) return Event::failed;  // unasked: the server ends the session
    if (in_query()) {
        become(Answer::sync);
        return Event::failed;
    }
    // A Query behind what failed is passed over like anything else.
    while (!empty() && head() != Answer::sync) pop();
    skipping_ = empty();
    return Event::failed;
}

Event Machine::violate(const char* reason) noexcept {
    violation_ = reason;
    return Event::violation;
}

}  // namespace pg::wire
