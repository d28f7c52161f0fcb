#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <immintrin.h>
static double now(){struct timespec t;clock_gettime(CLOCK_MONOTONIC,&t);return t.tv_sec+1e-9*t.tv_nsec;}
int main(){ long sizes[]={16<<10,180<<10,512<<10,900<<10,1800<<10,8<<20,256<<20};
 volatile long sink=0;
 {double b=1e9;for(int r=0;r<20;r++){double a=now();long x=1;for(long i=0;i<10000000;i++){asm volatile("add $1,%0":"+r"(x));}double d=now()-a;if(d<b)b=d;sink+=x;}printf("clock about %.2f GHz (dependent adds)\n",10000000/b/1e9);}
 for(int k=0;k<7;k++){long n=sizes[k];char*p=aligned_alloc(64,n);for(long i=0;i<n;i++)p[i]=i*7;
  double b1=1e9,b2=1e9;long reps=(64<<20)/n+1;
  for(int r=0;r<15;r++){
   double a=now();__m512i s0=_mm512_setzero_si512(),s1=s0,s2=s0,s3=s0;
   for(long q=0;q<reps;q++)for(long i=0;i<n;i+=256){s0=_mm512_add_epi8(s0,_mm512_load_si512(p+i));s1=_mm512_add_epi8(s1,_mm512_load_si512(p+i+64));s2=_mm512_add_epi8(s2,_mm512_load_si512(p+i+128));s3=_mm512_add_epi8(s3,_mm512_load_si512(p+i+192));asm volatile(""::"v"(s0),"v"(s1),"v"(s2),"v"(s3));}
   double d=(now()-a)/reps/n;if(d<b1)b1=d;sink+=_mm512_reduce_add_epi32(_mm512_add_epi32(_mm512_add_epi32(s0,s1),_mm512_add_epi32(s2,s3)));
   a=now();s0=s1=s2=s3=_mm512_setzero_si512();
   for(long q=0;q<reps;q++)for(long i=0;i<n;i+=128){
#define L(o) _mm512_cvtepi8_epi16(_mm256_load_si256((__m256i*)(p+i+o)))
    s0=_mm512_add_epi16(s0,L(0));s1=_mm512_add_epi16(s1,L(32));s2=_mm512_add_epi16(s2,L(64));s3=_mm512_add_epi16(s3,L(96));asm volatile(""::"v"(s0),"v"(s1),"v"(s2),"v"(s3));}
   d=(now()-a)/reps/n;if(d<b2)b2=d;sink+=_mm512_reduce_add_epi32(_mm512_add_epi32(_mm512_add_epi32(s0,s1),_mm512_add_epi32(s2,s3)));}
  printf("%7ld KiB  int8 loads+add %.1f GB/s   int8->int16 add %.1f Gadd/s\n",n>>10,1e-9/b1,1e-9/b2);free(p);}
}
