// Answers: the script of a fake server that behaves, and gives to each SQL text what a test wants.
#pragma once

#include "pg/testing/conversation.hpp"

namespace pg::testing {

/// What comes of one statement. Value.
struct Answer {
    std::vector<FakeColumn> columns = {};  ///< of the result; none for a statement without rows
    /// Values as PostgreSQL writes them; those of a column whose format is binary as they travel. A client that asks
    /// for the binary form gets it, for the usual built-in types.
    std::vector<FakeValues> rows = {};
    std::string tag = {};                   ///< empty: SELECT and the rows, or what a server says of the SQL
    std::optional<ErrorFields> error = {};  ///< ends it, after its rows
    std::vector<ErrorFields> notices = {};  ///< come first
    std::vector<Oid> parameters = {};       ///< types of its arguments, where the client names none; else text
    /// The error comes, and nothing else does, as soon as the text is prepared; or bound, when it was prepared before.
    bool error_when_prepared = false;
};

/// A list of SQL texts and what comes of them, and the script that says it to every client. Handle: copies share the
/// list, which may grow while a server runs. Thread-safe.
///
///     auto server = FakeServer::start(Answers()
///         .on("select name from users", {.columns = {{"name"}}, .rows = {{"ann"}, {"ben"}}})
///         .fail("delete from users", "42501", "permission denied for table users"));
///
/// A text matches a statement that is the same up to blanks at both ends and semicolons. Of several answers to one text
/// each is given once, in order, and the last one from then on. BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, SET,
/// RESET, DISCARD, DEALLOCATE, LISTEN, UNLISTEN and CLOSE need no answer; the state of the transaction follows them and
/// the errors. Any other text is refused with 0A000, and the server's `failures` name it. COPY needs a script of its
/// own.
///
/// Like a server, it passes over what follows an error of the extended protocol, up to the Sync, and refuses with 25P02
/// all but the end of a failed transaction; what it does so is no statement that a client ran. A client that names a
/// prepared statement or a portal that was never made, was lost behind an error or is closed gets 26000 or 34000, one
/// that makes a prepared statement again 42P05, and `failures` say it.
class PGCLIENT_API Answers final {
public:
    Answers();
    Answers(const Answers& other) noexcept;
    Answers& operator=(const Answers& other) noexcept;
    ~Answers();

    /// What comes of this text, the next time that it comes.
    Answers& on(std::string_view sql, Answer answer);
    /// An error report instead of a result.
    Answers& fail(std::string_view sql, SqlState sqlstate, std::string_view message);
    /// The same, but at Parse already, as a server refuses a text whose table is missing; see
    /// `Answer::error_when_prepared`.
    Answers& fail_to_prepare(std::string_view sql, SqlState sqlstate, std::string_view message);
    /// What every other text gets.
    Answers& otherwise(Answer answer);

    /// Plays the server to one client, as a script does.
    void operator()(Conversation& client) const;

    struct Impl;

private:
    std::shared_ptr<Impl> impl_;
};

}  // namespace pg::testing
