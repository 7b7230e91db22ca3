// Whether a client keeps its session, whatever is done on it.
#pragma once

#include "pg/client.hpp"

/// Whether the one session of `narrow` is the same after `use` as before it, in one of three times: what is left on it
/// is ended and cleaned in two seconds, or it is lost, and a busy machine may take that long.
template <class Use>
[[nodiscard]] bool keeps_its_session(pg::Client& narrow, Use use) {
    const auto process = [&] { return narrow.query_one<int>("select pg_backend_pid()"); };
    for (int time = 0; time < 3; ++time) {
        const int before = process();
        use();
        if (process() == before) return true;
    }
    return false;
}
