// The script of the recordings: what is sent to every server, and up to where its answer is waited for.
#pragma once

#include <string>
#include <vector>

#include "src/wire/machine.hpp"

namespace wire_recordings {

/// Some messages, and what they are for the machine. They are answered when `count` messages of kind `until` have come.
struct Step {
    std::string bytes;
    std::vector<pg::wire::Sent> sent;
    pg::wire::ServerType until = pg::wire::ServerType::ready;
    int count = 1;
};

/// The same each time. The first step is the startup packet, of which the machine is told nothing; in the last one the
/// server ends the session.
[[nodiscard]] std::vector<Step> script();

}  // namespace wire_recordings
