// What goes wrong in a seed, and when: drawn at its beginning, so that the same seed has the same faults.
#pragma once

#include "gateway.h"
#include "world.h"
#include "writer.h"

namespace simplechat::sim {

struct Suspects {
  Gateways& gateways;
  Writers& writers;
  Broker& broker;
  DirectoryService& directory;
};

// Plans faults for [from, world.faults_end()). Everything that broke is whole again at its end.
void plan_faults(World& world, const Suspects& suspects, TimePoint from);

}  // namespace simplechat::sim
