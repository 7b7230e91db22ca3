// The blocking shell around the protocol: sending, receiving, waiting, and what to do when a wait ends too soon.
#include "providers/libpq/direct_link.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <sys/socket.h>

#include "pg/stop.hpp"
#include "providers/libpq/direct_report.hpp"

namespace pg::libpq::direct {
namespace {

bool has_read_giving_up(std::string_view body) {
    const auto report = wire::Report::read(body);
    return report && libpq::has_read_giving_up(report->field('C'), report->field('M'));
}

/// Whoever has more to say unasked than so often something is not listened to for longer.
constexpr int most_receives = 16;
/// Notifications that are kept until they are taken: a session that never takes any must not grow.
constexpr std::size_t most_notifications = 10000;
/// Settings that are kept, of which a server reports some twenty: each is looked for among them.
constexpr std::size_t most_parameters = 500;

}  // namespace

DirectLink::DirectLink(ConnectionHandle connection, void* tls, std::string node, spi::SessionContext context)
    : Exchange(direct_engine_name, std::move(node), std::move(context)),
      connection_(std::move(connection)),
      channel_(PQsocket(connection_.get()), tls),
      waits_in_receive_(channel_.allow_waiting()) {
    // Its farewell must not wait for a server that takes no more bytes.
    PQsetnonblocking(connection_.get(), 1);
}

DirectLink::~DirectLink() { close(); }

void DirectLink::close() noexcept {
    if (!connected()) return;
    if (!is_here())
        detach_socket(socket());
    else if (waits_in_receive_)
        channel_.end_waiting();  // libpq's farewell
    connection_.reset();
    out_.clear();
    in_place_ = {};
    rest();
}

void DirectLink::abandon() noexcept {
    if (!connected() || !is_here()) return close();
    LastCancel cancel(connection_.get());
    close();
    cancel.start();
}

void DirectLink::write_closes() {
    for (const std::string& name : std::exchange(forgotten_, {})) {
        wire::put_close(out_, wire::Named::statement, name);
        sent(wire::Sent::close);
    }
}

void DirectLink::flush() noexcept {
    sending_needs_read_ = false;
    if (!in_place_.empty()) [[unlikely]]
        return flush_in_place();
    while (!out_.empty()) {
        const Movement moved = channel_.send(out_.unsent());
        if (!went_out(moved)) return;
        out_.sent(moved.count);
    }
}

void DirectLink::flush_in_place() noexcept {
    while (has_unsent()) {
        const std::string_view first = out_.unsent();
        const Movement moved = first.empty()       ? channel_.send(in_place_)
                               : in_place_.empty() ? channel_.send(first)
                                                   : channel_.send(first, in_place_);
        if (!went_out(moved)) return;
        const std::size_t count = std::min(moved.count, first.size());
        out_.sent(count);
        in_place_.remove_prefix(moved.count - count);
    }
}

void DirectLink::send_in_place(std::string_view bytes) {
    const std::size_t copied = std::min(bytes.size(), channel_.left_in_record(out_.unsent().size()));
    out_.put_bytes(bytes.substr(0, copied));
    if (!unwritable_) in_place_ = bytes.substr(copied);
    flush();
}

void DirectLink::keep_in_place() { out_.put_bytes(std::exchange(in_place_, {})); }

bool DirectLink::went_out(const Movement& moved) noexcept {
    switch (moved.what) {
        case Moved::some: return true;
        case Moved::wants_read: sending_needs_read_ = true; return false;
        case Moved::wants_write: return false;
        // What the server said before it left is still to be read, and tells more. One that has not left does then.
        case Moved::end:
        case Moved::broken: ::shutdown(channel_.socket(), SHUT_WR);
    }
    out_.clear();
    in_place_ = {};
    unwritable_ = true;
    return false;
}

std::span<char> DirectLink::make_room() {
    try {
        return reader_.room();
    } catch (const std::bad_alloc&) {
        ending_ = lost("out of memory for what the server sends");
        return {};
    }
}

bool DirectLink::receive() {
    const std::span<char> room = make_room();
    return !room.empty() && take(channel_.receive(room));
}

bool DirectLink::take(const Movement& moved) {
    receiving_needs_write_ = moved.what == Moved::wants_write;
    reader_.received(moved.count);
    switch (moved.what) {
        case Moved::some:
        case Moved::wants_read:
        case Moved::wants_write: return true;
        case Moved::end:
        case Moved::broken: break;
    }
    std::string words = moved.what == Moved::end ? "the server closed the connection" : channel_.failure();
    if (const std::string message = reader_.unfinished(); !message.empty())
        words.append(", in the middle of ").append(message);
    ending_ = lost(std::move(words));
    return false;
}

bool DirectLink::receives_soon(const spi::Wait& wait) {
    const bool is_alone = spi::Waiter::here() == nullptr && (wait.stop == nullptr || !wait.stop->stop_possible());
    if (!waits_in_receive_ || !is_alone || has_unsent()) return false;
    if (!wait.deadline.is_never() && wait.deadline.remaining() < 2 * patience) return false;
    const std::span<char> room = make_room();
    if (room.empty()) return true;
    const Movement moved = channel_.receive_patiently(room);
    take(moved);
    if (moved.what != Moved::wants_read) return true;
    rest();  // it may take long now
    return false;
}

pollfd DirectLink::awaited() const noexcept {
    const bool writes = receiving_needs_write_ || (has_unsent() && !sending_needs_read_);
    return {.fd = channel_.socket(), .events = static_cast<short>(writes ? POLLIN | POLLOUT : POLLIN), .revents = 0};
}

bool DirectLink::wait_ready(const spi::Wait& wait) {
    const Woken woken = wait_beside(nothing_else, wait);
    if (woken != Woken::ready) [[unlikely]]
        ending_ = give_up(woken, wait);
    return !ended();
}

Woken DirectLink::wait_beside(pollfd other, const spi::Wait& wait) {
    if (has_unsent()) {
        flush();
        if (!has_unsent() && !unwritable_)
            return Woken::ready;  // who waited for no more than that has no answer to wait for
    }
    if (channel_.holds_more()) {
        const Woken woken = look(wait);
        if (woken == Woken::ready) receive();
        return woken;
    }
    const std::size_t count = other.fd < 0 ? 1 : 2;
    if (count == 1 && receives_soon(wait)) return Woken::ready;
    std::array<pollfd, 2> descriptors{awaited(), other};
    const Woken woken = wait_for(std::span(descriptors).first(count), wait);
    const short happened = descriptors[0].revents;
    if (woken == Woken::ready && ((happened & ~POLLOUT) != 0 || (happened != 0 && receiving_needs_write_))) receive();
    return woken;
}

bool DirectLink::finish(const spi::Wait& wait) {
    for (wire::Frame frame;;) {
        if (poll(frame)) continue;
        if (ended()) return false;
        if (machine_.idle() && !has_unsent()) return true;
        if (!wait_ready(wait)) return false;
    }
}

bool DirectLink::take_aside(wire::Event event, std::string_view body) {
    const char* wrong = nullptr;
    if (event == wire::Event::notice) {
        if (const auto report = wire::Report::read(body))
            note(notice_error(*report, node()));
        else
            wrong = "a malformed notice";
    } else if (event == wire::Event::notification) {
        if (const auto message = wire::read_notification(body))
            keep({std::string(message->channel), std::string(message->payload), message->process});
        else
            wrong = "a malformed notification";
    } else if (event == wire::Event::parameter) {
        if (const auto status = wire::read_parameter_status(body))
            keep(*status);
        else
            wrong = "a malformed parameter";
    } else {
        ending_ = violated(to_string(reader_.violation() ? reader_.violation() : machine_.violation()));
        return false;
    }
    if (wrong) ending_ = violated(wrong);
    return wrong == nullptr;
}

void DirectLink::keep(Notification notification) {
    has_lost_notifications_ |= notifications_.size() >= most_notifications;
    if (!has_lost_notifications_) notifications_.push_back(std::move(notification));
}

void DirectLink::keep(const wire::ParameterStatus& status) {
    const auto same = [&](const Parameter& parameter) { return parameter.name == status.name; };
    auto known = std::find_if(parameters_.begin(), parameters_.end(), same);
    if (known == parameters_.end()) {
        if (parameters_.size() >= most_parameters) return;
        std::string name(status.name);
        std::string before(parameter(name.c_str()));
        known = parameters_.insert(known, {std::move(name), {}, std::move(before)});
    }
    known->value = status.value;
    hears_of_settings_ |= known->is_changed();
}

/// A promotion is the server's own doing.
bool DirectLink::Parameter::is_changed() const noexcept { return value != at_rest && name != "in_hot_standby"; }

bool DirectLink::any_setting_changed() const noexcept {
    return std::any_of(parameters_.begin(), parameters_.end(), [](const Parameter& one) { return one.is_changed(); });
}

void DirectLink::settle_reported() {
    for (Parameter& parameter : parameters_) parameter.at_rest = parameter.value;
}

std::string_view DirectLink::parameter(const char* name) const noexcept {
    for (const Parameter& parameter : parameters_)
        if (parameter.name == name) return parameter.value;
    const char* value = PQparameterStatus(connection_.get(), name);
    return value != nullptr ? std::string_view(value) : std::string_view();
}

std::optional<Notification> DirectLink::take_notification() {
    if (notifications_.empty()) return std::nullopt;
    Notification first = std::move(notifications_.front());
    notifications_.pop_front();
    return first;
}

bool DirectLink::look_around() {
    about({});  // the text of the last exchange may be gone
    wire::Frame frame;
    for (int receives = 0; receives < most_receives; ++receives) {
        // Nothing was asked, so an event can only be a farewell.
        if (const auto event = poll(frame)) return static_cast<void>(failed(frame.body)), false;
        if (ended()) return static_cast<void>(ending()), false;
        if (!channel_.has_news()) return rest(), !dying();
        if (!receive()) return static_cast<void>(ending()), false;
    }
    return false;
}

Error DirectLink::failed(std::string_view body) {
    const auto report = wire::Report::read(body);
    if (!report) return violated("a malformed report");
    Error error = report_error(*report, site());
    if (!error.connection_usable()) close();
    return error;
}

Error DirectLink::ending_behind(const Error* report) {
    Error end = ending();
    if (report == nullptr) return end;
    return connected() ? *report : as_of_closed(*report);
}

Error DirectLink::violated(std::string_view reason) {
    close();
    return violation(reason);
}

Error DirectLink::lost(std::string words) {
    ErrorFields fields;
    fields.message = "connection lost: " + std::move(words);
    Error error = ruled_error(std::move(fields), site());
    close();
    return error;
}

Error DirectLink::give_up(Woken woken, const spi::Wait& wait) {
    return ended_early(woken, recover(recovery_deadline(woken, wait)));
}

Outcome DirectLink::recover(const Deadline& until) noexcept {
    if (!is_here()) close();  // (D3)
    const Outcome outcome = is_here() ? drain(until) : Outcome::unknown;
    occupy(false);
    rest();
    return of_all(outcome);
}

/// Ends a COPY … FROM STDIN with an error of ours.
void DirectLink::give_up_copy() {
    wire::put_copy_fail(out_, given_up);
    // Where the COPY was an extended statement, the Sync that was sent with it is lost if the server reads. One more
    // after a Query is answered by one more ReadyForQuery, so it does no harm there.
    send_sync();
}

/// As it is told when it comes in time.
Outcome DirectLink::outcome_of_report(std::string_view body) const {
    const auto report = wire::Report::read(body);
    return report ? report_error(*report, site()).outcome() : Outcome::unknown;
}

Outcome DirectLink::drain(const Deadline& until) noexcept {
    keep_in_place();
    const bool copying_in = machine_.copying_in();
    if (copying_in) give_up_copy();
    // A server that waits for a lock in the middle of a COPY reads no CopyFail. One that was no COPY for its caller got
    // no rows, so it reads; and as an extended statement, whose Sync may or may not be lost, it must not be cancelled.
    const auto cancel = copying_in && !occupied() ? nullptr : start_cancel(connection_.get());
    Outcome outcome = Outcome::unknown;
    bool ends_copy = copying_in;
    wire::Frame frame;
    if (machine_.skipping()) send_sync();
    for (;;) {
        if (ended()) return static_cast<void>(ending()), Outcome::unknown;  // closed, and nothing left to cancel
        const bool answered = !cancel || cancel->advance();
        while (!machine_.idle()) {
            const std::optional<wire::Event> event = poll(frame);
            if (!event) break;
            switch (*event) {
                case wire::Event::complete: {
                    const auto tag = wire::read_tag(frame.body);
                    if (!tag) return static_cast<void>(violated("a malformed command tag")), Outcome::unknown;
                    note_tag(*tag);
                    if (outcome == Outcome::unknown && is_undone(site().phase, *tag)) outcome = Outcome::not_applied;
                }
                    [[fallthrough]];
                case wire::Event::empty:
                    if (outcome == Outcome::unknown) outcome = Outcome::applied;
                    break;
                case wire::Event::failed:
                    outcome = outcome_of_report(frame.body);
                    if (std::exchange(ends_copy, false) && !has_read_giving_up(frame.body)) machine_.find_lost_syncs();
                    break;
                case wire::Event::copy_in:
                    give_up_copy();
                    ends_copy = true;
                    break;
                default: break;
            }
        }
        if (ended()) return static_cast<void>(ending()), Outcome::unknown;      // closed
        if (!machine_.idle() && reader_.coming_row() != 0) reader_.skip_row();  // whatever its size
        flush();
        const bool is_over = machine_.idle() && !has_unsent();
        if (is_over && answered) return outcome;

        if (channel_.holds_more() && !machine_.idle()) {
            if (until.passed()) break;
            receive();
            continue;
        }
        std::array<pollfd, 2> descriptors{awaited(), cancel ? cancel->waits_for() : nothing_else};
        if (is_over) descriptors[0].fd = -1;
        if (wait_for(descriptors, {.deadline = until}) != Woken::ready) break;
        if (descriptors[0].revents != 0) receive();
    }
    const bool drained = machine_.idle();
    const bool in_block = machine_.transaction() != wire::TransactionState::idle;
    if (!drained) return abandon(), Outcome::unknown;
    close();
    // What the server had said before still holds, unless it is part of a transaction, which ends with its connection.
    // That which COMMIT AND CHAIN begins is another one.
    return in_block && site().phase != RequestPhase::committing ? Outcome::not_applied : outcome;
}

}  // namespace pg::libpq::direct
