import { Hero } from "@/components/Hero";
import { Pricing } from "@/components/Pricing";
import { Steps } from "@/components/Steps";

export default function Home() {
  return (
    <>
      <Hero />
      <Steps />
      <Pricing />
    </>
  );
}
