// DirectLink: the protocol spoken on a connection that libpq opened, and the waiting around it.
#pragma once

#include <list>
#include <span>
#include <utility>
#include <vector>

#include "providers/libpq/cancel.hpp"
#include "providers/libpq/direct_channel.hpp"
#include "providers/libpq/exchange.hpp"
#include "providers/libpq/handle.hpp"
#include "src/wire/answer.hpp"
#include "src/wire/client_messages.hpp"
#include "src/wire/machine.hpp"

namespace pg::libpq::direct {

/// One established connection whose socket is ours: libpq authenticated it, still sends its cancel requests, and closes
/// it. What libpq itself says of the session since then is stale and not asked for. Pinned. One thread at a time.
///
/// (D1) Between two exchanges the machine is idle and nothing is unsent, or the link is closed. Whoever cannot finish
///      an exchange calls `recover`, which makes one of the two true.
/// (D2) While not everything is sent, waiting includes reading: a server that is busy sending must not be waited for by
///      a client that is busy sending.
/// (D3) In a process that fork() made nothing reaches the socket any more, the farewell included.
/// (D4) A server that says what it may not say is left at once: nothing of what it says from then on is believed.
class DirectLink final : public Exchange {
public:
    DirectLink(ConnectionHandle connection, void* tls, std::string node, spi::SessionContext context);
    ~DirectLink();

    /// Begins an exchange about `sql`, which lives until its end; an error when it must not begin.
    [[nodiscard]] std::optional<Error> begin(std::string_view sql, const spi::Wait& wait) {
        if (auto error = begin_exchange(sql, connected(), wait)) return error;
        note_ready();
        return std::nullopt;
    }
    /// The server has ended what went before: what comes next begins in a block, or not.
    void note_ready() noexcept { set_in_transaction(machine_.transaction() != wire::TransactionState::idle); }

    /// Where messages are written; each is told to `sent`. They leave with the next wait, or `flush`. @{
    [[nodiscard]] wire::SendBuffer& out() noexcept { return out_; }
    void sent(wire::Sent what) { machine_.sent(what); }
    void sent_execution(bool with_sync) { machine_.sent_execution(with_sync); }
    void send_sync() {
        wire::put_sync(out_);
        machine_.sent(wire::Sent::sync);
    }  /// @}
    /// A prepared statement of this name is closed with the next that is written by `close_forgotten`. @{
    void forget(std::string_view name) { forgotten_.emplace_back(name); }
    void close_forgotten() {
        if (!forgotten_.empty()) [[unlikely]]
            write_closes();
    }  /// @}
    /// Sends what the socket takes now.
    void flush() noexcept;
    /// Sends these bytes behind all others from where they lie, what the socket takes of them now. They stay there
    /// until nothing is unsent, and nothing is written behind them before.
    void send_in_place(std::string_view bytes);
    [[nodiscard]] bool has_unsent() const noexcept { return !out_.empty() || !in_place_.empty(); }

    /// The next thing that happens in the exchange: waits for it. `frame` has the message. Nothing is an end: the
    /// deadline passed, a stop was asked for, the connection broke or the server made no sense. Then (D1) holds, and
    /// `ending` says which it was.
    [[nodiscard]] std::optional<wire::Event> next(wire::Frame& frame, const spi::Wait& wait) {
        for (;;) {
            const std::optional<wire::Event> event = poll(frame);
            if (event || ended() || !wait_ready(wait)) return event;
        }
    }
    /// The same without waiting: nothing when it has not arrived either, and then it has not `ended`.
    [[nodiscard]] std::optional<wire::Event> poll(wire::Frame& frame) {
        for (;;) {
            const wire::FrameReader::Cut cut = reader_.next(frame);
            if (cut == wire::FrameReader::Cut::more) return std::nullopt;
            const wire::Event event =
                cut == wire::FrameReader::Cut::frame ? machine_.accept(frame) : wire::Event::violation;
            if (event == wire::Event::progress) continue;
            if (event < wire::Event::notice) [[likely]]
                return event;
            if (!take_aside(event, frame.body)) return std::nullopt;
        }
    }
    /// Takes the whole answer to an execution in one step, if it comes next, has arrived and is a usual one; up to its
    /// ReadyForQuery if its Sync is meant, too. Else nothing is taken: then `poll` tells more. Views of the chunk.
    [[nodiscard]] bool take_answer(wire::Answer& answer, bool with_sync) noexcept {
        if (!machine_.awaits_execution(with_sync)) return false;
        const std::size_t size = wire::find_answer(reader_.unread(), with_sync, answer);
        if (size == 0) return false;
        reader_.pass(size);
        if (with_sync)
            machine_.answered_execution(answer.state);
        else
            machine_.answered_execution();
        return true;
    }
    /// Something has arrived that nobody has looked at.
    [[nodiscard]] bool holds_unread() const noexcept { return reader_.held() != 0; }
    /// The exchange came to an end before its time. @{
    [[nodiscard]] bool ended() const noexcept { return ending_.has_value(); }
    [[nodiscard]] Error ending() { return *std::exchange(ending_, std::nullopt); }  /// @}
    /// Hands on rows that have arrived whole, one call of `row(body)` each, until it returns false.
    template <class Row>
    void rows(Row row) {
        if (machine_.in_rows()) reader_.rows(row);
    }
    /// Takes the exchange to its end: everything is sent and answered. False when it ended before that.
    [[nodiscard]] bool finish(const spi::Wait& wait);
    /// Takes in what has arrived, without waiting. False at an end.
    bool receive();
    /// Waits until the socket can be read, or written when something is unsent, and does so. False at an end.
    [[nodiscard]] bool wait_ready(const spi::Wait& wait);
    /// The same beside another descriptor, or `nothing_else`. When the time is over it says so, and the exchange
    /// goes on.
    [[nodiscard]] Woken wait_beside(pollfd other, const spi::Wait& wait);

    /// Gives up the exchange: cancels it on the server and drains it until then, else closes the connection.
    /// What became of the statement at its head.
    [[nodiscard]] Outcome recover(const Deadline& until) noexcept;
    /// The same, told as the error of a wait that ended too soon.
    [[nodiscard]] Error give_up(Woken woken, const spi::Wait& wait);
    /// The error of an exchange that ended too soon, with what became of its statement.
    [[nodiscard]] Error ended_early(Woken woken, Outcome outcome) const {
        return early_end(woken, outcome, connected());
    }
    /// The server made no sense: the link is closed, and this says why.
    [[nodiscard]] Error violated(std::string_view reason);
    /// Makes the error of an ErrorResponse; closes the link when it says that the session is over.
    [[nodiscard]] Error failed(std::string_view body);
    void close() noexcept;
    /// The same while the server may be at something, which is to end.
    void abandon() noexcept;

    /// Why the exchange ended too soon, behind a report that came before: that tells more. Null: none did.
    [[nodiscard]] Error ending_behind(const Error* report);
    /// A notification that has arrived; nothing when there is none.
    [[nodiscard]] std::optional<Notification> take_notification();
    /// More have come than are kept: behind those that are, some are missing.
    [[nodiscard]] bool has_lost_notifications() const noexcept { return has_lost_notifications_; }
    /// Nothing has arrived unasked, and nothing said that the connection is to end: then `look_around` would find so.
    [[nodiscard]] bool is_quiet() const noexcept {
        return !holds_unread() && !ended() && !dying() && !channel_.has_news();
    }
    /// Takes in what has arrived unasked. False when the connection is over.
    [[nodiscard]] bool look_around();

    [[nodiscard]] bool connected() const noexcept { return connection_ != nullptr; }
    [[nodiscard]] PGconn* connection() const noexcept { return connection_.get(); }
    [[nodiscard]] int socket() const noexcept { return channel_.socket(); }
    [[nodiscard]] const wire::Machine& machine() const noexcept { return machine_; }
    /// Bytes of the row that has begun to arrive; 0: none has.
    [[nodiscard]] std::size_t coming_row() const noexcept { return reader_.coming_row(); }
    /// The chunk that the last message lies in.
    [[nodiscard]] const wire::ChunkRef& chunk() const noexcept { return reader_.chunk(); }
    /// Gives back the memory that an idle connection does not need.
    void rest() noexcept {
        reader_.rest();
        out_.release();
    }
    /// As the server last reported it; empty when it never did.
    [[nodiscard]] std::string_view parameter(const char* name) const noexcept;
    /// One that a client can set is not what it is at rest.
    [[nodiscard]] bool settings_changed() noexcept {
        if (hears_of_settings_) [[unlikely]]
            hears_of_settings_ = any_setting_changed();
        return hears_of_settings_;
    }
    /// What they are now is what they are at rest.
    void settle_settings() {
        if (std::exchange(hears_of_settings_, false)) [[unlikely]]
            settle_reported();
    }

private:
    struct Parameter {
        std::string name, value, at_rest;
        [[nodiscard]] bool is_changed() const noexcept;
    };

    [[nodiscard]] bool any_setting_changed() const noexcept;
    void settle_reported();
    void write_closes();
    /// Sends what the socket takes now of what was written and what lies elsewhere.
    void flush_in_place() noexcept;
    /// What is to be sent in place is sent whatever becomes of it there.
    void keep_in_place();
    /// Where to receive; empty at an end.
    [[nodiscard]] std::span<char> make_room();
    /// What was received. False at an end.
    bool take(const Movement& moved);
    /// Waits for a short while where it receives; false when nothing has come until then, or it must not.
    [[nodiscard]] bool receives_soon(const spi::Wait& wait);
    /// False when the peer takes no more now, or none ever again: then what is to be sent is forgotten.
    [[nodiscard]] bool went_out(const Movement& moved) noexcept;
    /// What the socket is to be waited for.
    [[nodiscard]] pollfd awaited() const noexcept;
    /// Takes a notice, a notification or a parameter. False at an end: it is malformed, or `event` is a violation.
    [[nodiscard]] bool take_aside(wire::Event event, std::string_view body);
    void keep(Notification notification);
    void keep(const wire::ParameterStatus& status);
    [[nodiscard]] Error lost(std::string words);
    [[nodiscard]] Outcome outcome_of_report(std::string_view body) const;
    [[nodiscard]] Outcome drain(const Deadline& until) noexcept;
    void give_up_copy();

    ConnectionHandle connection_;
    Channel channel_;
    wire::SendBuffer out_;
    std::string_view in_place_;  ///< to be sent behind that
    wire::FrameReader reader_;
    wire::Machine machine_;
    std::vector<Parameter> parameters_;  ///< those that changed since libpq was asked for them
    std::list<Notification> notifications_;
    std::vector<std::string> forgotten_;  ///< names of statements that are still to be closed
    std::optional<Error> ending_;
    const bool waits_in_receive_;     ///< a receive may wait
    bool hears_of_settings_ = false;  ///< one was reported that is another than at rest
    bool has_lost_notifications_ = false;
    bool unwritable_ = false;  ///< the socket takes nothing any more: the end is still to be read
    // What TLS asked for last, when it was the other thing than usual: a change of keys goes both ways. @{
    bool receiving_needs_write_ = false;
    bool sending_needs_read_ = false;  /// @}
};

}  // namespace pg::libpq::direct
