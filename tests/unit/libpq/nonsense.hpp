// What a server may not say, and what is said of it; to be sent where a statement was bound, or where nothing was
// asked.
#pragma once

#include <gtest/gtest.h>
#include <string_view>
#include <vector>

#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {

/// Bytes that make no sense, and what the direct engine says of them.
struct Nonsense {
    testing::Reply reply;
    std::string_view reason;
};
/// At any time, a session that rests included.
inline std::vector<Nonsense> nonsense_at_any_time() {
    using testing::Reply;
    using namespace std::string_view_literals;
    return {
        {Reply().message('N', "no fields"), "a malformed notice"},
        {Reply().message('A', "\0\0"sv), "a malformed notification"},
        {Reply().message('S', "TimeZone"), "a malformed parameter"},
        {Reply().message('E', "no fields"), "a malformed report"},
        {Reply().message('q', ""), "a message of a kind that does not exist ('q', 4 bytes)"},
        {Reply().raw("\xff\0\0\0\7"sv), "a message of a kind that does not exist (0xff, 7 bytes)"},
        {Reply().raw("Z\0\0\0\3"sv), "a message whose length is less than that of its header ('Z', 3 bytes)"},
        {Reply().raw("Z\x7f\xff\xff\xff"sv), "a message whose length cannot be ('Z', 2147483647 bytes)"},
        {Reply().bind_complete(), "an answer out of order ('2')"},
        {Reply().row({"x"}), "a row that nobody asked for"},
        {Reply().ready(), "ready, where a statement is to be answered"},
        {Reply().authentication(0), "a message that belongs to the beginning of a session"},
    };
}
/// Behind the answers to Parse and Bind.
inline std::vector<Nonsense> nonsense() {
    using testing::Reply;
    using namespace std::string_view_literals;
    std::vector<Nonsense> all = nonsense_at_any_time();
    all.push_back({Reply().message('T', "\0\1n\0"sv), "a malformed description of columns"});
    all.push_back({Reply().message('T', "\xff\xff"sv), "a malformed description of columns"});
    all.push_back({Reply().no_data().message('C', "INSERT 0 1"), "a malformed command tag"});
    all.push_back({Reply().copy_data("x"), "bytes of a COPY that was not begun"});
    return all;
}

/// What every violation comes to: it is named, nobody knows what became of the statement, and the server is left.
inline void expect_violation(const Error& error, const ScriptedSession& session, std::string_view reason) {
    EXPECT_EQ(error.kind(), ErrorKind::protocol) << error.what();
    EXPECT_EQ(error.outcome(), Outcome::unknown);
    EXPECT_FALSE(error.connection_usable());
    EXPECT_NE(error.message().find(reason), std::string_view::npos) << error.what();
    EXPECT_FALSE(session->usable());
}

}  // namespace pg::libpq
