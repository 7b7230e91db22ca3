// PoliteSession: a server that keeps to the protocol, over a list of answers.
#pragma once

#include <map>

#include "src/testing/answers_impl.hpp"

namespace pg::testing {

/// One client from startup to the end. What it says is sent when the client waits for it: at Sync, Flush and the end of
/// a simple query.
class PoliteSession final {
public:
    PoliteSession(Answers::Impl& answers, Conversation& client) : answers_(answers), client_(client) {}
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

    /// The answer of the list, or that of a statement that needs none there; an error report when there is neither.
    [[nodiscard]] Answer take(std::string_view sql);
    [[nodiscard]] Answer look(std::string_view sql) const;
    /// An error in place of what does not fit the transaction.
    [[nodiscard]] bool refuses(std::string_view sql);

    void fail(const ErrorFields& error);
    void send();

    Answers::Impl& answers_;
    Conversation& client_;
    Reply reply_;
    FakeTransaction transaction_ = FakeTransaction::idle;
    bool skipping_ = false;                               ///< after an error of the extended protocol, up to its Sync
    std::map<std::string, std::vector<Oid>> parameters_;  ///< of prepared statements
    std::map<std::string, Portal> portals_;
};

}  // namespace pg::testing
