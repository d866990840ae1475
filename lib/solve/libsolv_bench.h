/* The same problem, solved by libsolv. */
#ifndef DEPS_LIB_SOLVE_LIBSOLV_BENCH_H_
#define DEPS_LIB_SOLVE_LIBSOLV_BENCH_H_

#ifdef __cplusplus
extern "C" {
#endif

/* A pool without packages; 0 where memory or libsolv fails. */
struct libsolv_bench* libsolv_bench_new(void);
void libsolv_bench_free(struct libsolv_bench* bench);

/* Adds a version of a package; a higher number is better. The needs that
   follow are its own. */
void libsolv_bench_add_version(struct libsolv_bench* bench, int package, int number);
/* That a package is there in a version from `lowest` to `highest`. */
void libsolv_bench_add_need(struct libsolv_bench* bench, int package, int lowest, int highest);
/* To be called once, when everything is there. */
void libsolv_bench_finish(struct libsolv_bench* bench);

/* Whether package 0 can be installed. Everything between having the packages and
   the answer belongs to it: who provides what, the rules, the search. */
int libsolv_bench_solve(struct libsolv_bench* bench);

#ifdef __cplusplus
}
#endif

#endif /* DEPS_LIB_SOLVE_LIBSOLV_BENCH_H_ */
