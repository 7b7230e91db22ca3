// Machine: what the server of one session may say next, decided from what was sent and what it said before.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "src/wire/server_messages.hpp"

namespace pg::wire {

/// What is sent and answered. Flush and the messages of a COPY are not answered by themselves.
enum class Sent : std::uint8_t {
    parse,               ///< Parse
    bind,                ///< Bind
    describe_statement,  ///< Describe of a statement: its parameters, then its columns
    describe_portal,     ///< Describe of a portal: its columns
    execute,             ///< Execute
    close,               ///< Close
    sync,                ///< Sync
    query,               ///< Query: has a ReadyForQuery of its own, but ends no failure as Sync does
};

/// What a message of the server means to whoever drives the session.
///
/// Where a COPY … FROM STDIN fails before it has read anything, as by a trigger, a Sync that was sent before `copy_in`
/// is not lost, and its ReadyForQuery is one too many: whoever can tell says `find_lost_syncs`.
enum class Event : std::uint8_t {
    progress,      ///< ParseComplete, BindComplete, CloseComplete: as was to be expected
    parameters,    ///< ParameterDescription
    columns,       ///< RowDescription
    no_columns,    ///< NoData
    row,           ///< DataRow
    complete,      ///< CommandComplete
    empty,         ///< EmptyQueryResponse
    suspended,     ///< PortalSuspended
    copy_in,       ///< CopyInResponse: a Sync that was sent behind its statement is lost, another must follow the COPY
    copy_out,      ///< CopyOutResponse
    copy_data,     ///< CopyData
    copy_done,     ///< CopyDone
    failed,        ///< ErrorResponse: what was sent up to the next Sync is not answered any more
    ready,         ///< ReadyForQuery
    notice,        ///< NoticeResponse, at any time
    notification,  ///< NotificationResponse, at any time
    parameter,     ///< ParameterStatus, at any time
    violation,     ///< the server said what it may not say now: the session is lost
};

/// The protocol of one session after authentication. It has no socket, no clock and no thread, and reads no body but
/// that of ReadyForQuery. One thread at a time.
///
///     idle ──sent──▶ busy ──answers in the order of what was sent──▶ … ──ready, nothing left──▶ idle
///                      │ failed                                 ▲
///                      └──▶ skipping: all up to the next Sync ──┘ ready
///     busy ──copy_in──▶ copying in ──complete / failed──▶ busy
///     busy ──copy_out─▶ copying out ─copy_done──▶ busy ──complete──▶ …
///
/// (M1) Every answer belongs to what was sent first and is not answered yet; one that does not is a violation.
/// (M2) After a failure nothing is answered up to the next Sync, be that sent already or later.
/// (M3) One ReadyForQuery answers one Sync, or one Query that was answered before it. One more is a violation.
/// (M4) Notices, notifications and parameters come at any time and change nothing here.
/// (M5) The state of the transaction changes with ReadyForQuery and nothing else.
/// (M6) After a violation everything is one.
class PGCLIENT_API Machine {
public:
    Machine() = default;
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    /// Says that a message was sent, in the order of sending.
    void sent(Sent what) {
        if (what == Sent::sync) skipping_ = false;
        if (skipping_) return;
        if (what == Sent::describe_statement) push(Answer::parameters);
        push(answer_to(what));
    }
    /// Says the same of Bind and Execute, and of Sync if it follows.
    void sent_execution(bool with_sync) {
        // Room for three, whether a Sync is meant or not: if it is not, the third is overwritten by what comes next.
        if (skipping_ || last_ - first_ + 3 > mask_ + 1) [[unlikely]] {
            sent(Sent::bind);
            sent(Sent::execute);
            if (with_sync) sent(Sent::sync);
            return;
        }
        ring_[last_ & mask_] = Answer::bind;
        ring_[(last_ + 1) & mask_] = Answer::execution;
        ring_[(last_ + 2) & mask_] = Answer::sync;
        last_ += with_sync ? 3 : 2;
    }
    /// The answers to Bind and Execute come next, and that to a Sync if one is meant; then `answered_execution` says
    /// that they came, and well. @{
    [[nodiscard]] bool awaits_execution(bool with_sync) const noexcept {
        const std::size_t count = with_sync ? 3 : 2;
        return last_ - first_ >= count && head() == Answer::bind && ring_[(first_ + 1) & mask_] == Answer::execution &&
               (!with_sync || ring_[(first_ + 2) & mask_] == Answer::sync) && copy_ == Copy::none && !violation_;
    }
    void answered_execution() noexcept { first_ += 2; }
    void answered_execution(TransactionState state) noexcept {
        first_ += 3;
        transaction_ = state;
    }  /// @}
    /// Says that the COPY … FROM STDIN that was begun last failed before the server read anything: the Syncs that were
    /// sent behind its statement are answered after all. Comes behind its `failed`, and behind the Sync of its end.
    void find_lost_syncs() {
        for (; lost_syncs_ != 0; --lost_syncs_) sent(Sent::sync);
    }
    /// Judges the next message of the server.
    [[nodiscard]] Event accept(const Frame& frame) noexcept {
        if (frame.type == ServerType::data_row && in_rows() && !violation_) return Event::row;
        if (frame.type == ServerType::bind_complete && awaits(Answer::bind)) return pop(), Event::progress;
        if (frame.type == ServerType::command_complete && awaits(Answer::execution)) return pop(), Event::complete;
        if (frame.type == ServerType::ready && awaits(Answer::sync)) return ready(frame.body);
        return judge(frame);
    }

    /// Rows may come now, any number of them.
    [[nodiscard]] bool in_rows() const noexcept {
        return copy_ == Copy::none && !empty() && (head() == Answer::execution || head() == Answer::query_rows);
    }
    /// Nothing that was sent is to be answered any more.
    [[nodiscard]] bool idle() const noexcept { return empty() && !skipping_; }
    /// The server waits for CopyData. @{
    [[nodiscard]] bool copying_in() const noexcept { return copy_ == Copy::in; }
    [[nodiscard]] bool copying_out() const noexcept { return copy_ == Copy::out; }  /// @}
    /// Failed, and no Sync was sent since: nothing that is sent is heard.
    [[nodiscard]] bool skipping() const noexcept { return skipping_; }
    [[nodiscard]] TransactionState transaction() const noexcept { return transaction_; }
    /// What the violation was.
    [[nodiscard]] Violation violation() const noexcept { return {violation_, judged_}; }

private:
    /// What is awaited, one entry an answer. That of a Query is awaited in three ways.
    enum class Answer : std::uint8_t {
        parse,
        bind,
        parameters,
        columns,
        execution,
        close,
        sync,
        query,       ///< nothing was said yet
        query_rows,  ///< the columns of a statement: its rows and its end
        query_more,  ///< the end of a statement: another one, or ReadyForQuery
    };
    enum class Copy : std::uint8_t { none, in, out, done };

    [[nodiscard]] bool empty() const noexcept { return first_ == last_; }
    [[nodiscard]] Answer head() const noexcept { return ring_[first_ & mask_]; }
    void become(Answer answer) noexcept { ring_[first_ & mask_] = answer; }
    [[nodiscard]] bool in_query() const noexcept { return copy_ == Copy::none && !empty() && head() >= Answer::query; }
    /// This is the next answer, and no COPY is under way.
    [[nodiscard]] bool awaits(Answer answer) const noexcept {
        return !empty() && head() == answer && copy_ == Copy::none && !violation_;
    }
    /// The last thing that is answered of it.
    [[nodiscard]] static constexpr Answer answer_to(Sent what) noexcept {
        switch (what) {
            case Sent::parse: return Answer::parse;
            case Sent::bind: return Answer::bind;
            case Sent::describe_statement:
            case Sent::describe_portal: return Answer::columns;
            case Sent::execute: return Answer::execution;
            case Sent::close: return Answer::close;
            case Sent::query: return Answer::query;
            case Sent::sync: break;
        }
        return Answer::sync;
    }
    void pop() noexcept { ++first_; }
    void push(Answer answer) {
        if (last_ - first_ > mask_) [[unlikely]]
            grow();
        ring_[last_++ & mask_] = answer;
    }
    void grow();
    [[nodiscard]] Event judge(const Frame& frame) noexcept;
    [[nodiscard]] Event take(Answer answer, Event event) noexcept;
    [[nodiscard]] Event end_of_execution() noexcept;
    [[nodiscard]] Event end_of_nothing() noexcept;
    [[nodiscard]] Event begin_copy(Copy copy, Event event) noexcept;
    [[nodiscard]] Event fail() noexcept;
    /// ReadyForQuery, where it is awaited.
    [[nodiscard]] Event ready(std::string_view body) noexcept {
        const auto state = read_ready(body);
        if (!state) [[unlikely]] {
            judged_ = ServerType::ready;
            return violate("a malformed ReadyForQuery");
        }
        pop();
        transaction_ = *state;
        return Event::ready;
    }
    [[nodiscard]] Event violate(const char* reason) noexcept;

    std::array<Answer, 16> small_ring_{};
    std::unique_ptr<Answer[]> large_ring_;
    Answer* ring_ = small_ring_.data();
    std::size_t mask_ = small_ring_.size() - 1;  ///< the ring's size, a power of two, less one
    std::size_t first_ = 0, last_ = 0;           ///< counts of what was taken and put, ever
    TransactionState transaction_ = TransactionState::idle;
    Copy copy_ = Copy::none;
    bool skipping_ = false;
    ServerType judged_{};           ///< the kind of the message that `violate` is about
    std::uint32_t lost_syncs_ = 0;  ///< behind the COPY … FROM STDIN that was begun last
    const char* violation_ = nullptr;
};

}  // namespace pg::wire
