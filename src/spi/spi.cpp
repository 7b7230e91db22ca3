// The interfaces of the seam: their destructors, so that each vtable has a home.
#include "pg/spi/provider.hpp"
#include "pg/spi/session_source.hpp"

namespace pg::spi {

RowStream::~RowStream() = default;
CopyIn::~CopyIn() = default;
CopyOut::~CopyOut() = default;
Session::~Session() = default;
SessionSource::~SessionSource() = default;
NoticeHandler::~NoticeHandler() = default;
Provider::~Provider() = default;

}  // namespace pg::spi
