// PoliteSession: a server that keeps to the protocol, over a list of answers.
#pragma once

#include <map>

#include "src/testing/answers_impl.hpp"
#include "src/testing/conversation.hpp"

namespace pg::testing {

/// One client from startup to the end. What it says is sent when the client waits for it: at Sync, Flush and the end of
/// a simple query.
class PoliteSession final {
public:
    PoliteSession(Answers::Impl& answers, Conversation& client)
        : answers_(answers), client_(client), conversation_(*client.impl_) {}
    void run();

private:
    /// A bound statement: what comes of it, and how much of that came.
    struct Portal {
        Answer answer;
        std::vector<Format> formats;
        std::size_t sent = 0;
        bool begun = false;
    };

    /// Says what comes of the message; false at the end of the session.
    bool serve(const ClientMessage& message);
    void query(const ClientMessage& message);
    void parse(const ClientMessage& message);
    void bind(const ClientMessage& message);
    void describe(const ClientMessage& message);
    void execute(const ClientMessage& message);
    void close(const ClientMessage& message);
    /// What comes of the portal, or of the next rows of it; zero: all.
    void play(Portal& portal, std::string_view sql, std::uint32_t most_rows);

    /// The answer of the list, or that of a statement that needs none there; an error report when there is neither.
    [[nodiscard]] Answer take(std::string_view sql);
    [[nodiscard]] Answer look(std::string_view sql) const;
    /// An error in place of what does not fit the transaction, of what the list has an error of preparation for, and of
    /// what is about a name that there is not. @{
    [[nodiscard]] bool refuses(std::string_view sql);
    [[nodiscard]] bool refuses_to_prepare(std::string_view sql);
    [[nodiscard]] bool knows_statement(const std::string& name);
    [[nodiscard]] Portal* portal_of(const ClientMessage& message);  /// @}
    /// The names that the statement, which succeeded, makes an end of.
    void forget_statements(std::string_view sql);

    /// An error that the server's `failures` tell of too.
    void misuse(SqlState sqlstate, const std::string& message);
    void fail(const ErrorFields& error);
    void be_ready();
    void send();

    Answers::Impl& answers_;
    Conversation& client_;
    Conversation::Impl& conversation_;  ///< takes in what succeeds, and so has the names that the client may use
    Reply reply_;
    FakeTransaction transaction_ = FakeTransaction::idle;
    bool skipping_ = false;                               ///< after an error of the extended protocol, up to its Sync
    std::map<std::string, std::vector<Oid>> parameters_;  ///< of prepared statements
    std::map<std::string, Portal> portals_;
};

}  // namespace pg::testing
