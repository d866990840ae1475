#include "lib/solve/libsolv_bench.h"

#include <solv/pool.h>
#include <solv/repo.h>
#include <solv/solver.h>
#include <stdio.h>
#include <stdlib.h>

struct libsolv_bench {
  Pool* pool;
  Repo* repo;
  Solvable* last;
};

static Id name_of(Pool* pool, int package) {
  char text[32];
  snprintf(text, sizeof text, "p%d", package);
  return pool_str2id(pool, text, 1);
}

static Id version_of(Pool* pool, int number) {
  char text[32];
  snprintf(text, sizeof text, "%d-1", number);
  return pool_str2id(pool, text, 1);
}

struct libsolv_bench* libsolv_bench_new(void) {
  struct libsolv_bench* bench = calloc(1, sizeof *bench);
  if (bench == NULL) return NULL;
  bench->pool = pool_create();
  /* The type of distribution has to come first: it says which architecture suits all. */
  pool_setdisttype(bench->pool, DISTTYPE_RPM);
  pool_setarch(bench->pool, "x86_64");
  bench->repo = repo_create(bench->pool, "index");
  return bench;
}

void libsolv_bench_free(struct libsolv_bench* bench) {
  pool_free(bench->pool);
  free(bench);
}

void libsolv_bench_add_version(struct libsolv_bench* bench, int package, int number) {
  Pool* pool = bench->pool;
  Solvable* solvable = pool_id2solvable(pool, repo_add_solvable(bench->repo));
  solvable->name = name_of(pool, package);
  solvable->evr = version_of(pool, number);
  solvable->arch = ARCH_NOARCH;
  Id self = pool_rel2id(pool, solvable->name, solvable->evr, REL_EQ, 1);
  solvable->provides = repo_addid_dep(bench->repo, solvable->provides, self, 0);
  bench->last = solvable;
}

void libsolv_bench_add_need(struct libsolv_bench* bench, int package, int lowest, int highest) {
  Pool* pool = bench->pool;
  Id name = name_of(pool, package);
  Id need;
  if (lowest == highest) {
    need = pool_rel2id(pool, name, version_of(pool, lowest), REL_EQ, 1);
  } else {
    Id from = pool_rel2id(pool, name, version_of(pool, lowest), REL_GT | REL_EQ, 1);
    Id to = pool_rel2id(pool, name, version_of(pool, highest), REL_LT | REL_EQ, 1);
    need = pool_rel2id(pool, from, to, REL_WITH, 1);
  }
  bench->last->requires = repo_addid_dep(bench->repo, bench->last->requires, need, 0);
}

void libsolv_bench_finish(struct libsolv_bench* bench) { repo_internalize(bench->repo); }

int libsolv_bench_solve(struct libsolv_bench* bench) {
  pool_createwhatprovides(bench->pool);
  Queue job;
  queue_init(&job);
  queue_push2(&job, SOLVER_INSTALL | SOLVER_SOLVABLE_NAME, name_of(bench->pool, 0));
  Solver* solver = solver_create(bench->pool);
  int problems = solver_solve(solver, &job);
  solver_free(solver);
  queue_free(&job);
  return problems == 0;
}
