// Points and shapes against the server.
#include "pg/types/geo.hpp"
#include "tests/db/value/type_check.hpp"

using type_check::check;
using type_check::session;
namespace geo = pg::geo;

TEST(ShapeTypes, ReadAndWriteEveryShape) {
    check<geo::Point>("point", {"(1,2)", "(-0.5,1e300)", "(Infinity,-Infinity)", "(0.1,5e-324)"});
    check<geo::LineSegment>("lseg", {"[(1,2),(3,4.25)]"});
    check<geo::Line>("line", {"{1,-1,0.5}", "(0,0),(1,3)"});
    check<geo::Box>("box", {"(3,4),(1,2)", "(1,2),(3,4)"});
    check<geo::Path>("path", {"[(1,2)]", "((1,2),(3,4))", "[(1,2),(3,4),(5,6)]"});
    check<geo::Polygon>("polygon", {"((1,2))", "((0,0),(0,1),(1,0))"});
    check<geo::Circle>("circle", {"<(1,2),3.5>", "<(0,0),0>"});
}

TEST(ShapeTypes, ReadAndWriteRandomPoints) {
    check<geo::Point>("point",
                      session().column("select point((random() - 0.5) * power(10, random() * 30 - 15), random()) "
                                       "from generate_series(1, 100)"));
}
