// A client's bytes cut into messages, read and written again.
#include "tests/fuzz/wire_client_round_trip.hpp"

#include "tests/fuzz/wire_rewriting.hpp"

namespace pg::wire {

std::string client_messages_differ_after_round_trip(std::string_view input) {
    if (input.empty()) return {};
    bool is_startup = input.front() % 2 != 0;
    input.remove_prefix(1);
    for (std::string_view left = input;;) {
        const std::string_view before = left;
        const auto frame = cut_client_frame(left, is_startup);
        if (!frame) return left == before ? "" : "bytes were taken of a message that is not there";
        const std::string_view bytes = before.substr(0, before.size() - left.size());
        if (bytes.size() != frame->body.size() + (is_startup ? 4 : 5) || !bytes.ends_with(frame->body))
            return "a message has not the bytes that the client said";
        if (frame->type.has_value() == is_startup) return "a type where there is none";
        if (const auto again = written_again(*frame); again && *again != bytes)
            return "a message of kind " + std::string(bytes.substr(0, 1)) + " is written as another than it was read";
        is_startup = false;
    }
}

}  // namespace pg::wire
