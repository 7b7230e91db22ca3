// postmaster.pid: how a server says which process it is and whether it answers.
#pragma once

#include <string_view>
#include <sys/types.h>

namespace pg::testing {

/// What a postmaster.pid says. Value. Zero and false for the lines that are not there yet.
struct PostmasterFile {
    pid_t pid = 0;
    int shared_memory_id = -1;  ///< of the System V segment, -1 before it is made
    bool ready = false;         ///< accepts connections: as a primary, or as a standby that can be read
};

PostmasterFile parse_postmaster_file(std::string_view text);

}  // namespace pg::testing
