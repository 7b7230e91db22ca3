// Messages written again from what their readers made of them.
#pragma once

#include <optional>
#include <string>

#include "src/wire/client_messages.hpp"
#include "src/wire/frame.hpp"

namespace pg::wire {

/// All bytes of the message, its header included, as the writer of its kind makes them from what its reader gave.
/// Nothing when the reader refuses it, or when there is no reader or no writer for it. @{
std::optional<std::string> written_again(const Frame& frame);
std::optional<std::string> written_again(const ClientFrame& frame);
/// @}

}  // namespace pg::wire
